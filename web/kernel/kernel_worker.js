/** A worker that adds masks up and does nothing else: no Python, no network. */

import { Rpc } from "../shared/rpc.js";
import { MaskSum } from "./mask_sum.js";

/** A new one each time, because a WebAssembly memory never shrinks. @type {MaskSum} */
let sum;

new Rpc(globalThis, {
  /** @param {WebAssembly.Module} module @param {import("./mask_sum.js").Shape} shape */
  begin(module, shape) {
    sum = new MaskSum(module, shape);
  },

  add: (seed) => sum.add(seed),

  merge: (other) => sum.merge(other),

  take() {
    const taken = sum.take();
    sum = /** @type {any} */ (undefined);
    return taken;
  },
});
