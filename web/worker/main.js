/** The worker's messages: each one a call into boot or bridge. No rule lives here. */

import { Rpc } from "../shared/rpc.js";
import { boot } from "./boot.js";
import { Bridge } from "./bridge.js";
import { reach } from "./download.js";

/** @type {Bridge} */
let bridge;

const rpc = new Rpc(globalThis, {
  async load(base) {
    const report = (step, loaded, total) =>
      rpc.emit("state", { kind: "loading", step, loaded, total });
    bridge = new Bridge(await boot(new URL(base), report), {
      emit: (name, detail) => rpc.emit(name, detail),
      train: (model, round, signal) => rpc.call("train", [model, round], { signal }),
    });
  },

  /** @param {{ source?: string, url?: string, modules: object[] }} training */
  async use(training) {
    const sources = await Promise.all([...training.modules, training].map(sourceOf));
    const main = sources.pop();
    training.modules.forEach(({ name }, i) => bridge.define(name, sources[i]));
    bridge.define("petal_task", main);
  },

  call: (name, args) => bridge.call(name, args),
  run: (request) => bridge.run(request),
  stop: () => bridge.stop(),
});

async function sourceOf({ source, url }) {
  return source ?? (await reach(url, { cache: "no-cache" })).text();
}
