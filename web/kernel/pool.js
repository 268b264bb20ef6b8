/**
 * Workers that derive masks, one a core.
 *
 * Made on the page, because Firefox hangs when several workers start inside a worker; the Python
 * worker asks through a port. Nothing is loaded or started before the first sum.
 */

import { buffersOf, revive } from "../shared/messages.js";
import { Rpc } from "../shared/rpc.js";

/** @typedef {import("./mask_sum.js").Shape} Shape */
/** @typedef {import("./mask_sum.js").Masks} Masks */

const MOST_WORKERS = 8;
/** Seeds that a worker is given ahead, so that it need not wait for a busy page. */
const AHEAD = 2;

/** (func (result v128) i32.const 0 i8x16.splat i8x16.popcnt): valid only where SIMD is. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253,
  15, 253, 98, 11,
]);

/** Whether this browser can run the kernel; where not, numpy and libsodium give the same masks. */
export function supported() {
  return WebAssembly.validate(SIMD);
}

export class KernelPool {
  #workers;
  #progress;
  /** @type {KernelWorker[]} */
  #idle = [];
  /** @type {Promise<WebAssembly.Module> | undefined} */
  #module;
  /** The end of the last sum asked for: they take turns. @type {Promise<unknown>} */
  #last = Promise.resolve();
  #closing = new AbortController();

  /**
   * @param {object} [options]
   * @param {number} [options.workers] how many at the most; one a core if left out
   * @param {(done: number, total: number) => void} [options.progress] seeds done, of a sum of many
   */
  constructor({ workers = navigator.hardwareConcurrency || 1, progress = () => {} } = {}) {
    this.#workers = Math.min(workers, MOST_WORKERS);
    this.#progress = progress;
  }

  /** A port that answers the call `sumMasks(seeds, shape)` of an Rpc on its other end. */
  port() {
    const { port1, port2 } = new MessageChannel();
    new Rpc(port1, {
      sumMasks: (seeds, shape, signal) => this.sum(seeds, shape, signal),
    });
    port1.start();
    return port2;
  }

  /**
   * The sum of the masks of all seeds.
   * @param {Uint8Array[]} seeds of 32 bytes; they are moved away
   * @param {Shape} shape
   * @param {AbortSignal} [signal] ends the work at once
   * @returns {Promise<Masks>}
   */
  sum(seeds, shape, signal) {
    const ended = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const sum = this.#last.then(() => this.#sum(seeds, shape, ended));
    this.#last = sum.catch(() => {}); // told to whoever asked; the next one's turn comes anyway
    return sum;
  }

  /** End the workers and whatever they do; the pool is of no use after that. */
  close() {
    this.#closing.abort(revive({ name: "AbortError", message: "The kernel pool was closed." }));
    for (const worker of this.#idle.splice(0)) worker.end();
  }

  async #sum(seeds, shape, signal) {
    signal.throwIfAborted();
    const module = await this.#compile();
    const crew = this.#hire(Math.max(1, Math.min(seeds.length, this.#workers)));
    const gone = new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    try {
      const masks = await Promise.race([this.#share(crew, module, seeds, shape), gone]);
      this.#idle.push(...crew);
      return masks;
    } catch (error) {
      for (const worker of crew) worker.end(); // with all that it knows
      throw error;
    }
  }

  /** Every worker takes the next seed when it is done with one; then their sums are added. */
  async #share(crew, module, seeds, shape) {
    const left = seeds.entries();
    let done = 0;
    const serve = async (worker) => {
      for (const [, seed] of left) {
        await worker.call("add", [seed], { transfer: [seed.buffer] });
        if (seeds.length > 1) this.#progress(++done, seeds.length);
      }
    };
    await Promise.all(crew.map((worker) => worker.call("begin", [module, shape])));
    await Promise.all(crew.flatMap((worker) => Array.from({ length: AHEAD }, () => serve(worker))));
    const [first, ...others] = crew;
    for (const worker of others) {
      const masks = await worker.call("take", []);
      await first.call("merge", [masks], { transfer: buffersOf(masks) });
    }
    return first.call("take", []);
  }

  #hire(count) {
    this.#idle = this.#idle.filter((worker) => !worker.ended);
    while (this.#idle.length < count) this.#idle.push(new KernelWorker());
    return this.#idle.splice(0, count);
  }

  async #compile() {
    this.#module ??= WebAssembly.compileStreaming(fetch(new URL("./mask.wasm", import.meta.url)));
    try {
      return await this.#module;
    } catch (error) {
      this.#module = undefined; // the next sum tries again
      throw error;
    }
  }
}

/** A worker thread of the pool. */
class KernelWorker extends Rpc {
  ended = false;
  #thread;

  constructor() {
    const thread = new Worker(new URL("./kernel_worker.js", import.meta.url), { type: "module" });
    super(thread, {});
    this.#thread = thread;
    thread.addEventListener("error", (event) => {
      event.preventDefault(); // told through the calls
      this.end(event.message || "its script could not be loaded");
    });
  }

  /** Stop the thread at once; calls under way fail. */
  end(reason = "it was ended") {
    this.ended = true;
    this.#thread.terminate();
    this.fail(revive({ name: "WorkerError", message: `A mask worker stopped: ${reason}` }));
  }
}
