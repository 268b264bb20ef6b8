/**
 * `<petal-participant coordinator="https://fl.example.org" python="/training.py" persist>`: a small
 * card that lets a visitor join, shows what happens, and lets them leave.
 *
 * Attributes: `coordinator`, `python` (address of a training module; else set the property `train`),
 * `persist` (a name, or empty: this tab's own), `scalar`, `privacy` ("epsilon=8 clip=1 updates=10"),
 * `enrolment-url` (answers a token for the public key posted to it; else set `enrolment`).
 * Slots: the default one is the note. Parts: card, title, state, progress, detail, privacy, note,
 * button. Custom properties: see STYLE.
 * The Participant itself is the property `participant`.
 */

import { Participant } from "./petal.js";
import { detail, share, words } from "./element_words.js";
import { enrolAt } from "./enrolment.js";
import { numbers, spentWords } from "./privacy.js";

const STYLE = `
:host {
  display: block; max-width: 26rem; color-scheme: light dark;
  --_text: var(--petal-color, light-dark(#1b2430, #e8ecf1));
  --_soft: var(--petal-soft, light-dark(#4c5866, #b3bdc9));
  --_accent: var(--petal-accent, light-dark(#0b5cad, #8ec5ff));
  font: var(--petal-font, 1rem/1.45 system-ui, sans-serif);
}
:host([hidden]) { display: none; }
section {
  padding: 1em; color: var(--_text);
  background: var(--petal-background, light-dark(#fff, #161c24));
  border: 1px solid var(--petal-border, light-dark(#c9d2dc, #3a4552));
  border-radius: var(--petal-radius, .75em);
}
h2 { margin: 0; font-size: 1em; }
p { margin: .4em 0 0; }
progress { width: 100%; margin-top: .6em; accent-color: var(--_accent); }
.soft { color: var(--_soft); font-size: .875em; }
.failed { font-weight: 600; }
button {
  margin-top: .8em; padding: .45em 1.1em; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--petal-button-color, light-dark(#fff, #10161d)); background: var(--_accent);
  border: 0; border-radius: calc(var(--petal-radius, .75em) * .7);
}
button:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }
button:disabled { opacity: .6; cursor: default; }
`;

const HEARD = /** @type {const} */ (["state", "role", "progress", "privacy", "message", "warning"]);
const CARD = [
  ["h2", "title", "Federated learning"],
  ["p", "state", ""],
  ["progress", "progress", ""],
  ["p", "detail", ""],
  ["p", "privacy", ""],
  ["p", "note", ""],
  ["button", "button", "Take part"],
];

export class PetalParticipant extends HTMLElement {
  /** What trains; instead of the attribute `python`.
   * @type {import("./petal.js").TrainFunction | import("./petal.js").PythonTraining | null} */
  train = null;
  /** Noise on every update; instead of the attribute `privacy`.
   * @type {import("./petal.js").Privacy | null} */
  privacy = null;
  /** What gets an enrolment token; instead of the attribute `enrolment-url`.
   * @type {string | import("./petal.js").EnrolFunction | null} */
  enrolment = null;
  /** @type {Participant | null} */
  #participant = null;
  /** @type {Record<string, any>} */
  #parts = {};
  /** What was heard last of each kind. @type {Record<string, any>} */
  #heard = {};

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    // A constructed sheet, because a policy without 'unsafe-inline' forbids a style element.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#card());
  }

  /** The participant, made at the first look from the attributes as they then are. */
  get participant() {
    this.#participant ??= this.#make();
    return this.#participant;
  }

  connectedCallback() {
    this.#show();
    if (this.hasAttribute("persist")) this.#goOn().catch((error) => this.#failed(error));
  }

  disconnectedCallback() {
    // Not when it is only moved to another place in the document.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#participant?.stop().then(() => this.#participant?.close());
    });
  }

  /** Take part again where a reload came between. */
  async #goOn() {
    await Promise.resolve(); // whoever made the element first sets its properties
    if ((this.train || this.hasAttribute("python")) && await this.participant.interrupted()) {
      await this.participant.start();
    }
  }

  #make() {
    const train = this.train ?? { python: this.getAttribute("python") ?? "" };
    if (typeof train === "object" && !train.python) {
      throw new Error("petal-participant needs the attribute python or the property train");
    }
    const participant = new Participant({
      train,
      coordinator: this.getAttribute("coordinator") ?? location.origin,
      persist: this.hasAttribute("persist") ? this.getAttribute("persist") || true : undefined,
      scalar: Number(this.getAttribute("scalar") ?? 1),
      privacy: this.privacy ?? numbers(this.getAttribute("privacy")),
      enrolment: this.enrolment ?? enrolAt(this.getAttribute("enrolment-url")),
    });
    for (const type of HEARD) {
      participant.addEventListener(type, ({ detail }) => this.#hear(type, detail));
    }
    return participant;
  }

  #hear(type, heard) {
    if (type === "role") this.#newRound();
    this.#heard[type] = heard;
    this.#show();
  }

  /** What is said of one round is old in the next; a warning is shown for one round at least. */
  #newRound() {
    const { warning } = this.#heard;
    this.#heard.warning = warning && !warning.shown ? { ...warning, shown: true } : undefined;
    this.#heard.message = undefined;
  }

  #failed(error) {
    this.#hear("state", { kind: "failed", error });
  }

  #card() {
    const card = document.createElement("section");
    card.setAttribute("part", "card");
    card.setAttribute("aria-labelledby", "title");
    for (const [tag, part, text] of CARD) {
      const element = document.createElement(tag);
      element.setAttribute("part", part);
      element.textContent = text;
      this.#parts[part] = card.appendChild(element);
    }
    const { title, state, progress, detail, privacy, note, button } = this.#parts;
    title.id = "title";
    state.setAttribute("role", "status");
    progress.setAttribute("aria-label", "Progress");
    detail.className = privacy.className = note.className = "soft";
    note.append(document.createElement("slot"));
    note.firstChild.textContent = "Your data stays in this browser.";
    button.type = "button";
    button.addEventListener("click", () => this.#press());
    return card;
  }

  async #press() {
    try {
      const { state } = this.participant;
      const inside = ["running", "standby", "paused", "loading"].includes(state.kind);
      await (inside ? this.participant.stop() : this.participant.start());
    } catch (error) {
      this.#failed(error);
    }
  }

  #show() {
    const current = this.#heard.state ?? { kind: "idle" };
    const { state, progress, detail: more, privacy, button } = this.#parts;
    const { said, does } = words(current);
    if (state.textContent !== said) state.textContent = said; // or it is read out again
    state.classList.toggle("failed", current.kind === "failed");
    button.textContent = does;
    more.textContent = detail(current, this.#heard);
    more.hidden = !more.textContent;
    privacy.textContent = this.#heard.privacy ? spentWords(this.#heard.privacy) : "";
    privacy.hidden = !privacy.textContent;
    const done = share(current, this.#heard.progress);
    progress.hidden = done === null;
    if (done !== null) progress.value = done;
  }
}

customElements.define("petal-participant", PetalParticipant);
