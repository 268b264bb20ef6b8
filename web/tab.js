/** The worker that has Python in it, the mask workers beside it, and how to talk to them. */

import { KernelPool, supported } from "./kernel/pool.js";
import { revive } from "./shared/messages.js";
import { reach } from "./shared/reach.js";
import { Rpc } from "./shared/rpc.js";

/** @typedef {import("./training.js").PythonModules} PythonModules */

export class Tab {
  #worker;
  #kernel;
  #rpc;
  /** Rejects when the worker's script does not load or breaks off; never resolves. */
  #broken;

  /**
   * @param {Record<string, (...args: any[]) => unknown>} handlers what the worker may call
   * @param {object} heard
   * @param {(done: number, total: number) => void} heard.masks as masks are derived
   * @param {(error: Error) => void} heard.broken when the worker is lost, at most once
   */
  constructor(handlers, { masks, broken }) {
    const worker = new Worker(new URL("./worker/main.js", import.meta.url), { type: "module" });
    this.#worker = worker;
    this.#kernel = supported() ? new KernelPool({ progress: masks }) : null;
    this.#rpc = new Rpc(worker, handlers);
    this.#broken = new Promise((_resolve, reject) => {
      worker.addEventListener("error", (event) => reject(workerError(event)), { once: true });
    });
    this.#broken.catch((error) => {
      broken(error);
      this.#rpc.fail(error);
    });
  }

  /** Everything up to `import petal`. @param {PythonModules | null} training */
  async load(training) {
    const base = new URL(".", import.meta.url);
    // Asked here, it is there by the time the worker is.
    const answer = await reach(new URL("manifest.json", base));
    const { files } = await answer.json();
    const port = this.#kernel?.port() ?? null;
    const transfer = port ? [port] : [];
    const loaded = this.#rpc.call("load", [base.href, files, port], { transfer });
    const used = training ? this.#rpc.call("use", [training]) : null;
    used?.catch(() => {}); // told below, unless loading failed first
    await Promise.race([loaded, this.#broken]);
    await used;
  }

  /** @param {string} method @param {unknown[]} args @returns {Promise<any>} */
  call(method, args) {
    return this.#rpc.call(method, args);
  }

  /** At once, whatever it does. @param {string} reason for the calls under way */
  end(reason) {
    this.#worker.terminate();
    this.#kernel?.close();
    this.#rpc.fail(revive({ name: "AbortError", message: reason }));
  }
}

/** @param {ErrorEvent} event */
function workerError(event) {
  event.preventDefault(); // told through the participant's own error
  const reason = event.message || "its script could not be loaded";
  return revive({
    name: "WorkerError",
    message: `The worker stopped: ${reason}. Reload the page; if it happens again, the browser may ` +
      "be too old (it needs module workers and WebAssembly) or out of memory.",
  });
}
