/**
 * Between JavaScript and Python: the only file that touches a PyProxy.
 *
 * Arguments go in as JavaScript values and Python (`petal.client.browser`) turns them around;
 * results come out as JavaScript values. What may be a PyProxy is a coroutine or an error in
 * passing, and each dies in `finally`.
 */

import { revive } from "../shared/messages.js";

export class Bridge {
  #glue;
  /** Rejects when Python breaks down: calls under way would never return. */
  #broken;

  /**
   * @param {{ pyodide: any, archive: string, sodium: object }} booted
   * @param {{ emit: Function, request: Function, train: Function, enrol: Function,
   *   sumMasks?: Function }} page
   */
  constructor({ pyodide, archive, sodium }, page) {
    // What Python may use of JavaScript, and no more.
    pyodide.registerJsModule("petal_host", { sodium, ...page });
    pyodide.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(archive)})`);
    this.#glue = pyodide.pyimport("petal.client.browser");
    this.#broken = new Promise((_resolve, reject) => {
      pyodide._api.on_fatal = reject; // as Pyodide's own console does
    });
    this.#broken.catch(() => {}); // told by the calls, now and later
  }

  define(name, source) {
    return this.#invoke("define", name, source);
  }

  call(name, args) {
    return this.#invoke("call", name, args);
  }

  run(request) {
    return this.#invoke("run", request);
  }

  stop() {
    return this.#invoke("stop");
  }

  async #invoke(name, ...args) {
    const { value, error } = await this.#answer(name, args);
    if (error) throw revive(error);
    return value;
  }

  /** Python answers what it raises; what is thrown here, it did not survive. */
  async #answer(name, args) {
    try {
      return await Promise.race([this.#call(name, args), this.#broken]);
    } catch (error) {
      throw brokenDown(error);
    }
  }

  async #call(name, args) {
    const method = this.#glue[name];
    let returned;
    try {
      returned = method(...args);
      return await returned;
    } finally {
      returned?.destroy?.();
      method.destroy();
    }
  }
}

function brokenDown({ message }) {
  const [reason] = message.trim().split("\n").slice(-1);
  return revive({
    name: "WorkerError",
    message: `Python broke down in this tab, so its worker was ended (${reason}). Start again; if ` +
      "it happens again, close other tabs.",
  });
}
