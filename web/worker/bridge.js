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

  /**
   * @param {{ pyodide: any, archive: string, sodium: object }} booted
   * @param {{ emit: Function, request: Function, train: Function, sumMasks?: Function }} page
   */
  constructor({ pyodide, archive, sodium }, page) {
    // What Python may use of JavaScript, and no more.
    pyodide.registerJsModule("petal_host", { sodium, ...page });
    pyodide.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(archive)})`);
    this.#glue = pyodide.pyimport("petal.client.browser");
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
    const method = this.#glue[name];
    let returned;
    try {
      returned = method(...args);
      const { value, error } = await returned;
      if (error) throw revive(error);
      return value;
    } finally {
      returned?.destroy?.();
      method.destroy();
    }
  }
}
