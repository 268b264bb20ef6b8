/**
 * Petal: a federated learning participant in a browser tab.
 *
 *     import { Participant } from "/petal/petal.js";
 *     const p = new Participant({ train: async (model, { round, signal }) => newWeights });
 *     p.addEventListener("round", (e) => console.log(e.detail));
 *     await p.start();
 *
 * Python with numpy runs in a worker; this file and the page stay free. The folder of this file
 * must hold `worker/`, `kernel/`, `shared/` and `vendor/` beside it, wherever it is served from.
 */

import { KernelPool, supported } from "./kernel/pool.js";
import { plainError, revive } from "./shared/messages.js";
import { Rpc } from "./shared/rpc.js";
import { StatusWatcher } from "./status.js";

export { fetchModel } from "./model.js";

/** @typedef {import("./shared/messages.js").State} State */
/** @typedef {import("./shared/messages.js").RoundDetail} RoundDetail */
/** @typedef {Float32Array | Float64Array | Int32Array | BigInt64Array} Weights */

/**
 * Trains on local data from the global model (null while there is none) and gives the new weights,
 * of the length and type that `round` names; or `{ weights, scalar }` to weigh them in the mean.
 * `signal` is aborted when the weights are no longer wanted.
 * @typedef {(model: Weights | null, context: { round: RoundDetail, signal: AbortSignal }) =>
 *   Weights | { weights: Weights, scalar?: number }
 *   | Promise<Weights | { weights: Weights, scalar?: number }>} TrainFunction
 */

/**
 * A Python training module, run in the worker: it defines `train(model, round)`, where `model` is
 * a numpy array or None, and gives an array or `(array, scalar)`. `python` is the source (more than
 * one line) or its address; `modules` are further modules it imports, name to source or address.
 * @typedef {{ python: string, modules?: Record<string, string> }} PythonTraining
 */

/** A stop that Python does not hear of within this time (it may be busy) ends the worker. */
const STOP_LIMIT = 10_000;

/**
 * Events, each a CustomEvent with plain data in `detail`:
 * `state` (State), `phase` (the coordinator's /status), `round`, `role`, `model`, `progress`,
 * `message` (what became of one of ours), `warning` ({ message }), `error` ({ name, message }).
 */
export class Participant extends EventTarget {
  /** @type {State} */
  #state = { kind: "idle" };
  /** @type {Worker | undefined} */
  #worker;
  /** @type {KernelPool | undefined} */
  #kernel;
  #rpc;
  #ready;
  #running;
  #train;
  #coordinator;
  #options;
  #watcher;
  #watched = false;

  /**
   * @param {object} options
   * @param {TrainFunction | PythonTraining} options.train
   * @param {string | URL} [options.coordinator] its address; the page's own origin if left out
   * @param {number} [options.scalar] this participant's weight in the mean, 1 if left out
   */
  constructor({ train, coordinator = location.origin, ...options }) {
    super();
    if (typeof train !== "function" && typeof train?.python !== "string") {
      throw new TypeError("train must be a function or { python: source or address }");
    }
    this.#train = train;
    this.#coordinator = new URL(coordinator, location.href).href.replace(/\/+$/, "");
    this.#options = options;
    this.#watcher = new StatusWatcher(this.#coordinator, (status) => this.#tell("phase", status));
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  get coordinator() {
    return this.#coordinator;
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
    this.#ready ??= this.#load().catch((error) => {
      this.#fail(error);
      throw error;
    });
    return this.#ready;
  }

  /** Join, and go on from round to round until `stop`. Resolves once taking part. */
  async start() {
    await this.load();
    if (this.#running) return;
    this.#watcher.start();
    this.#enter({ kind: "running", connected: true });
    const train = { kind: typeof this.#train === "function" ? "javascript" : "python" };
    const request = { coordinator: this.#coordinator, train, options: this.#options };
    this.#running = this.#rpc.call("run", [request]).then(
      () => this.#enter({ kind: "stopped" }),
      (error) => this.#fail(error),
    ).finally(() => {
      this.#running = undefined;
      if (!this.#watched) this.#watcher.stop();
    });
  }

  /** Leave after the step under way. What is loaded stays: `call` and `start` go on working. */
  async stop() {
    if (!this.#running) return;
    const late = new Promise((resolve) => setTimeout(resolve, STOP_LIMIT, "late"));
    this.#rpc.call("stop", []).catch(() => {}); // the run's own end tells what happened
    if (await Promise.race([this.#running, late]) === "late") this.close();
  }

  /** End the worker at once and free its memory; `load` or `start` begin anew. */
  close() {
    this.#end();
    this.#rpc?.fail(revive({ name: "AbortError", message: "The participant was closed." }));
    this.#rpc = undefined;
    if (this.#state.kind !== "failed") this.#enter({ kind: "stopped" });
  }

  /**
   * Call a function of the Python training module, where it lives.
   * Typed arrays become numpy arrays and numpy arrays typed arrays (flat); lists, dictionaries,
   * numbers and strings become what they are called on the other side.
   * @param {string} name @param {...unknown} args
   * @returns {Promise<any>}
   */
  async call(name, ...args) {
    await this.load();
    return this.#rpc.call("call", [name, args]);
  }

  async #load() {
    this.#enter({ kind: "loading", step: "download", loaded: 0, total: 0 });
    const worker = new Worker(new URL("./worker/main.js", import.meta.url), { type: "module" });
    this.#worker = worker;
    this.#rpc = new Rpc(worker, {
      event: (name, detail) => this.#hear(name, detail),
      train: (model, round, signal) => this.#train(model, { round, signal }),
    });
    const broken = new Promise((_resolve, reject) => {
      worker.addEventListener("error", (event) => reject(workerError(event, worker)));
    });
    broken.catch((error) => {
      if (this.#worker !== worker) return;
      this.#rpc.fail(error);
      this.#fail(error);
    });
    const base = new URL(".", import.meta.url).href;
    const port = this.#kernelPort();
    const transfer = port ? [port] : [];
    await Promise.race([this.#rpc.call("load", [base, port], { transfer }), broken]);
    if (typeof this.#train !== "function") await this.#rpc.call("use", [where(this.#train)]);
    if (!this.#running) this.#enter({ kind: "idle" });
  }

  /** A port to workers that derive masks; null where numpy has to. */
  #kernelPort() {
    if (!supported()) return null;
    this.#kernel = new KernelPool({
      progress: (done, total) => this.#tell("progress", { stage: "summing_masks", done, total }),
    });
    return this.#kernel.port();
  }

  #end() {
    this.#worker?.terminate();
    this.#kernel?.close();
    this.#worker = this.#kernel = this.#ready = undefined;
  }

  #hear(name, detail) {
    if (name === "state") return this.#enter(detail);
    return this.#tell(name, detail);
  }

  #enter(state) {
    this.#state = state;
    this.#tell("state", state);
  }

  #fail(error) {
    const plain = plainError(error);
    if (plain.name === "AbortError") return;
    this.#end();
    this.#enter({ kind: "failed", error: plain });
    this.#tell("error", plain);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function workerError(event, worker) {
  event.preventDefault(); // told through the participant's own error
  const reason = event.message || "its script could not be loaded";
  return revive({
    name: "WorkerError",
    message: `The worker stopped: ${reason}. Reload the page; if it happens again, the browser may ` +
      "be too old (it needs module workers and WebAssembly) or out of memory.",
  });
}

/** Source stays source; an address becomes absolute, seen from the page. */
function where({ python, modules = {} }) {
  const one = (text) => text.includes("\n") ? { source: text } : {
    url: new URL(text, document.baseURI).href,
  };
  return {
    ...one(python),
    modules: Object.entries(modules).map(([name, text]) => ({ name, ...one(text) })),
  };
}
