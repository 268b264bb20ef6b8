/** The choice to add noise to what this tab sends, and what of its budget is spent. */

import { spentWords } from "../privacy.js";
import { $ } from "./dom.js";

/** @typedef {import("../petal.js").Participant} Participant */

/** What ticking the box means; `?epsilon=2&clip=1&updates=5` in the address changes it. */
const USUAL = { epsilon: 8, clip: 1, updates: 10 };

/** An address is anybody's: what the participant would refuse must not keep the page from coming. */
const sensible = (/** @type {number} */ number) => number > 0 && Number.isFinite(number);

export class Noise {
  #participant;
  #changed;
  #settings;

  /**
   * @param {Participant} participant @param {URLSearchParams} query
   * @param {() => void} changed the box was ticked or unticked
   */
  constructor(participant, query, changed) {
    this.#participant = participant;
    this.#changed = changed;
    const asked = Object.keys(USUAL).filter((name) => sensible(Number(query.get(name))));
    const given = Object.fromEntries(asked.map((name) => [name, Number(query.get(name))]));
    this.#settings = { ...USUAL, ...given };
    this.#settings.updates = Math.ceil(this.#settings.updates);
    const { epsilon, updates } = this.#settings;
    $("noise-note").textContent =
      `Differential privacy: ε = ${epsilon} over ${updates} updates. With few participants the model suffers.`;
    $("use-noise").addEventListener("change", () => this.#choose());
    participant.addEventListener("privacy", ({ detail }) => this.#spent(detail));
    if (asked.length) this.on = true;
  }

  get on() {
    return $("use-noise").checked;
  }

  /** @param {boolean} on as the address, or the time before a reload, has it */
  set on(on) {
    $("use-noise").checked = on;
    this.#participant.privacy = on ? this.#settings : null;
  }

  /** @param {boolean} taking part: then nothing can be chosen */
  fix(taking) {
    $("use-noise").disabled = taking;
  }

  /** Noise cannot come or go in one participant's life, so from here on this tab is another. */
  async #choose() {
    const { on } = this;
    $("budget").hidden = true;
    await this.#participant.forget();
    this.on = on;
    this.#changed();
  }

  /** @param {import("../shared/messages.js").PrivacyDetail} budget */
  #spent(budget) {
    $("use-noise").checked = true;
    $("budget").hidden = false;
    const words = spentWords(budget);
    if ($("budget").textContent !== words) $("budget").textContent = words;
  }
}
