/**
 * Petal: a federated learning participant in a browser tab.
 *
 *     import { Participant } from "/petal/petal.js";
 *     const p = new Participant({ train: async (model, { round, signal }) => newWeights });
 *     p.addEventListener("round", (e) => console.log(e.detail));
 *     await p.start();
 *
 * Python with numpy runs in a worker; this file and the page stay free. The folder of this file
 * must hold what `petal bundle` writes, wherever it is served from.
 */

import { ParticipantTarget } from "./events.js";
import { Kept } from "./kept.js";
import { privacySettings } from "./privacy.js";
import { plainError } from "./shared/messages.js";
import { StatusWatcher } from "./status.js";
import { Tab } from "./tab.js";
import { pythonModules } from "./training.js";

export { fetchModel } from "./model.js";

/** @typedef {import("./shared/messages.js").State} State */
/** @typedef {import("./shared/messages.js").PlainError} PlainError */
/** @typedef {import("./shared/messages.js").RoundDetail} RoundDetail */
/** @typedef {import("./events.js").ParticipantEvents} ParticipantEvents */
/** @typedef {import("./training.js").Weights} Weights */
/** @typedef {import("./training.js").TrainFunction} TrainFunction */
/** @typedef {import("./training.js").PythonTraining} PythonTraining */
/** @typedef {import("./privacy.js").Privacy} Privacy */
/** @typedef {import("./enrolment.js").EnrolFunction} EnrolFunction */
/** @typedef {import("./shared/messages.js").PrivacyDetail} PrivacyDetail */

/**
 * @typedef {object} Options
 * @property {TrainFunction | PythonTraining} train
 * @property {string | URL} [coordinator] its address; the page's own origin if left out
 * @property {number} [scalar] this participant's weight in the mean, 1 if left out
 * @property {string | boolean} [persist] keep the participant in this browser, so that a reload
 *   goes on with it: true keeps one for this tab, a name one that all tabs of this origin share,
 *   of which one at a time takes part; true if left out where there is `privacy`, else false
 * @property {Uint8Array | null} [snapshot] what `stop` gave, to go on as that participant
 * @property {Privacy | null} [privacy] noise on every update, within a budget; none if left out
 * @property {string | EnrolFunction} [enrolment] a token, or what gets one, for a coordinator that
 *   admits only who has one; not called where anybody is admitted
 * @property {AbortSignal} [signal] leaves and frees everything when aborted
 */

/** A stop that Python does not hear of within this time (it may be busy) ends the worker. */
const STOP_LIMIT = 10_000;
/** Errors after which a worker is of no use: Python's heap never shrinks. */
const FATAL = ["MemoryError", "WorkerError"];

/** One participant. Its events, CustomEvents with plain data in `detail`, are in events.js. */
export class Participant extends ParticipantTarget {
  /** @type {State} */
  #state = { kind: "idle" };
  /** What it would be if it were not paused. @type {State | null} */
  #beneath = null;
  /** @type {Tab | undefined} */
  #tab;
  /** @type {Promise<void> | undefined} */
  #ready;
  /** @type {Promise<void> | undefined} */
  #running;
  /** Whether `start` was called and `stop` was not. */
  #wanted = false;
  #watched = false;
  #train;
  #coordinator;
  #scalar;
  /** @type {Privacy | null} */
  #privacy;
  /** @type {PrivacyDetail | null} */
  #budget = null;
  #snapshot;
  #enrolment;
  #kept;
  #signal;
  #watcher;

  /** @param {Options} options */
  constructor(options) {
    const { train, coordinator = location.origin, scalar = 1, snapshot, signal } = options;
    super();
    if (typeof train !== "function" && typeof train?.python !== "string") {
      throw new TypeError("train must be a function or { python: source or address }");
    }
    this.#train = train;
    this.#coordinator = new URL(coordinator, location.href).href.replace(/\/+$/, "");
    this.#scalar = scalar;
    this.#privacy = privacySettings(options.privacy);
    this.#snapshot = snapshot ?? null;
    this.#enrolment = options.enrolment;
    // What is spent must outlive a reload, unless the page says that it sees to that.
    const persist = options.persist ?? Boolean(this.#privacy && !snapshot);
    this.#kept = persist ? new Kept(this.#coordinator, persist) : null;
    this.#signal = signal;
    this.#watcher = new StatusWatcher(this.#coordinator, (status) => this.#tell("phase", status));
    signal?.addEventListener("abort", () => this.#abort(), { once: true });
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  get coordinator() {
    return this.#coordinator;
  }

  /** What of the privacy budget is spent; null while that is not known, or without privacy. */
  get budget() {
    return this.#budget;
  }

  get privacy() {
    return this.#privacy;
  }

  /**
   * Other settings, from the next `start` on; what is spent stays spent. Null leaves a participant
   * as it was: one with noise loses it by `forget` alone.
   * @param {Privacy | null} privacy
   */
  set privacy(privacy) {
    this.#privacy = privacySettings(privacy);
  }

  /** Whether Python is there, or on its way. */
  get loaded() {
    return this.#ready !== undefined;
  }

  /** Tell `phase` from now on, whether taking part or not. */
  watch() {
    this.#watched = true;
    this.#watcher.start();
  }

  /** Load Python and the training module; `start` and `call` do it when it was not done yet. */
  load() {
    this.#signal?.throwIfAborted();
    this.#ready ??= this.#load().catch((error) => {
      this.#fail(error);
      throw error;
    });
    return this.#ready;
  }

  /**
   * Join, and go on from round to round until `stop`. Resolves once taking part, or on standby
   * behind another tab. A participant that was stopped, or cut off where `persist` keeps it, goes
   * on where it was.
   */
  async start() {
    this.#wanted = true;
    await this.load();
    if (!this.#wanted || this.#running) return;
    this.#watcher.start();
    const begun = new Promise((resolve) => this.addEventListener("state", resolve, { once: true }));
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (!this.#watched) this.#watcher.stop();
    });
    await begun;
  }

  /**
   * Leave after the step under way. What is loaded stays: `call` and `start` go on working.
   * @returns {Promise<Uint8Array | null>} the participant, secret keys included, for the option
   *   `snapshot`; null if it never took part, or if Python was too busy to write it down
   */
  async stop() {
    this.#wanted = false;
    if (this.#running) {
      const late = new Promise((resolve) => setTimeout(resolve, STOP_LIMIT, "late"));
      this.#tab?.call("stop", []).catch(() => {}); // the run's own end tells what happened
      if (await Promise.race([this.#running, late]) === "late") this.close();
    }
    return this.#snapshot;
  }

  /** Begin nothing new until `resume`; a training or a message under way is finished. */
  pause() {
    if (!this.#running || this.#beneath) return;
    this.#tab?.call("pause", []).catch(() => {}); // only a closed worker does not hear it
    this.#beneath = this.#state;
    this.#enter({ kind: "paused" });
  }

  resume() {
    if (!this.#beneath) return;
    this.#tab?.call("resume", []).catch(() => {}); // only a closed worker does not hear it
    const state = this.#beneath;
    this.#beneath = null;
    this.#enter(state);
  }

  /** End the worker at once and free its memory; `load` or `start` begin anew. */
  close() {
    this.#wanted = false;
    this.#end("The participant was closed.");
    if (this.#state.kind !== "failed") this.#enter({ kind: "stopped" });
  }

  /** Whether `persist` keeps a participant that a reload, or worse, cut off while taking part. */
  async interrupted() {
    return this.#kept ? this.#kept.interrupted() : false;
  }

  /** Forget the participant, keys and all; `start` joins as a new one. Not while taking part. */
  async forget() {
    if (this.#running) throw new Error("stop the participant before it is forgotten");
    this.#snapshot = this.#budget = null;
    await this.#kept?.forget();
  }

  /**
   * Call a function of the Python training module, where it lives.
   * Typed arrays become numpy arrays and numpy arrays typed arrays (flat); lists, dictionaries,
   * numbers and strings become what they are called on the other side.
   * @param {string} name @param {...unknown} args
   * @returns {Promise<any>} what the function raises rejects it; where the worker cannot go on
   *   after it (out of memory), the participant fails too
   */
  async call(name, ...args) {
    await this.load();
    try {
      return await this.#live().call("call", [name, args]);
    } catch (error) {
      if (FATAL.includes(error.name)) this.#fail(error);
      throw error;
    }
  }

  async #load() {
    this.#enter({ kind: "loading", step: "download", loaded: 0, total: 0 });
    const train = this.#train;
    const tab = new Tab({
      event: (name, detail) => this.#hear(name, detail),
      train: (model, round, signal) => this.#trainHere(model, round, signal),
      enrol: (publicKey) => this.#enrol(publicKey),
    }, {
      masks: (done, total) => this.#tell("progress", { stage: "summing_masks", done, total }),
      broken: (error) => {
        if (this.#tab === tab) this.#fail(error);
      },
    });
    this.#tab = tab;
    await tab.load(typeof train === "function" ? null : pythonModules(train));
    if (!this.#running) this.#enter({ kind: "idle" });
  }

  async #run() {
    const request = {
      coordinator: this.#coordinator,
      train: { kind: typeof this.#train === "function" ? "javascript" : "python" },
      options: { scalar: this.#scalar, privacy: this.#privacy, enrol: this.#enrolment !== undefined },
      snapshot: this.#snapshot,
      keep: this.#kept?.keep(),
    };
    try {
      this.#snapshot = null; // from now on it is older than the participant
      this.#snapshot = await this.#live().call("run", [request]) ?? null;
      this.#enter({ kind: "stopped" });
    } catch (error) {
      this.#fail(error);
    }
  }

  #trainHere(model, round, signal) {
    const progress = (done, total) => this.#tell("progress", { stage: "training", done, total });
    return /** @type {TrainFunction} */ (this.#train)(model, { round, signal, progress });
  }

  #enrol(publicKey) {
    return typeof this.#enrolment === "function" ? this.#enrolment(publicKey) : this.#enrolment;
  }

  #live() {
    if (!this.#tab) throw new Error("the participant was closed");
    return this.#tab;
  }

  async #abort() {
    await this.stop();
    this.close();
  }

  #end(reason) {
    this.#tab?.end(reason);
    this.#tab = this.#ready = undefined;
  }

  #hear(name, detail) {
    if (name === "moved") return this.#kept?.moved(detail);
    if (name === "privacy") this.#budget = detail;
    if (name !== "state") return this.#tell(name, detail);
    if (!this.#beneath) return this.#enter(detail);
    this.#beneath = detail;
  }

  /** @param {State} state */
  #enter(state) {
    if (state.kind === "stopped" || state.kind === "failed") this.#beneath = null;
    this.#state = state;
    this.#tell("state", state);
  }

  #fail(error) {
    const plain = plainError(error);
    // Closed on purpose, or told before: a broken worker fails every call under way.
    if (plain.name === "AbortError" || this.#state.kind === "failed") return;
    this.#end(plain.message);
    this.#enter({ kind: "failed", error: plain });
    this.#tell("error", plain);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
