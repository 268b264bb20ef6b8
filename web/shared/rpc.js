/** Calls and events over a message port, the same on both sides. */

import { buffersOf, plainError, revive } from "./messages.js";

export class Rpc {
  #port;
  #handlers;
  #next = 1;
  /** @type {Map<number, { resolve: Function, reject: Function, forget: Function }>} */
  #waiting = new Map();
  /** @type {Map<number, AbortController>} calls of the other side under way here */
  #serving = new Map();

  /**
   * @param {Worker | MessagePort | typeof globalThis} port the last where this is a worker
   * @param {Record<string, (...args: any[]) => unknown>} handlers what the other side may call;
   *   an AbortSignal is passed after the arguments. The key `event` receives (name, detail).
   */
  constructor(port, handlers) {
    this.#port = /** @type {Worker} */ (port); // as far as messages go, all three are alike
    this.#handlers = handlers;
    this.#port.addEventListener("message", ({ data }) => this.#receive(data));
  }

  /**
   * @param {string} method
   * @param {unknown[]} args plain data
   * @param {{ signal?: AbortSignal, transfer?: Transferable[] }} [options]
   */
  call(method, args, { signal, transfer = [] } = {}) {
    const id = this.#next++;
    const abort = () => this.#port.postMessage({ type: "abort", id });
    const forget = () => signal?.removeEventListener("abort", abort);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, forget });
      signal?.addEventListener("abort", abort);
      this.#port.postMessage({ type: "call", id, method, args }, transfer);
    });
  }

  /** @param {string} name @param {unknown} detail plain data; typed arrays in it are moved */
  emit(name, detail) {
    this.#port.postMessage({ type: "event", name, detail }, buffersOf(detail));
  }

  /** Fail every call under way, because the other side is gone. @param {Error} error */
  fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #receive(message) {
    switch (message.type) {
      case "call": return void this.#serve(message);
      case "result": return this.#settle(message.id, "resolve", message.value);
      case "error": return this.#settle(message.id, "reject", revive(message.error));
      case "abort": return this.#serving.get(message.id)?.abort();
      case "event": return this.#handlers.event?.(message.name, message.detail);
    }
  }

  async #serve({ id, method, args }) {
    const abort = new AbortController();
    this.#serving.set(id, abort);
    try {
      const value = await this.#handlers[method](...args, abort.signal);
      this.#port.postMessage({ type: "result", id, value }, buffersOf(value));
    } catch (error) {
      this.#port.postMessage({ type: "error", id, error: plainError(error) });
    } finally {
      this.#serving.delete(id);
    }
  }

  #settle(id, how, value) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.forget();
    waiting?.[how](value);
  }
}
