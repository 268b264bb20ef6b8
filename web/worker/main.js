/** The worker's messages: each one a call into boot or bridge. No rule lives here. */

import { Rpc } from "../shared/rpc.js";
import { boot } from "./boot.js";
import { Bridge } from "./bridge.js";
import { reach } from "./download.js";
import * as http from "./http.js";

/** @type {Bridge} */
let bridge;
/** Aborted when this tab leaves: a training on the page is then no longer wanted. */
let leaving = new AbortController();
let connected = true;
/** The page's mask workers. @type {Rpc | undefined} */
let kernel;

const rpc = new Rpc(globalThis, {
  /** @param {string} base @param {MessagePort | null} port to the mask workers, if there are any */
  async load(base, port) {
    if (port) {
      kernel = new Rpc(port, {});
      port.start();
    }
    const report = (step, loaded, total) =>
      rpc.emit("state", { kind: "loading", step, loaded, total });
    const page = { emit, request, train, ...(kernel && { sumMasks }) };
    bridge = new Bridge(await boot(new URL(base), report), page);
  },

  /** @param {{ source?: string, url?: string, modules: object[] }} training */
  async use(training) {
    const sources = await Promise.all([...training.modules, training].map(sourceOf));
    const main = sources.pop();
    for (const [i, { name }] of training.modules.entries()) await bridge.define(name, sources[i]);
    await bridge.define("petal_task", main);
  },

  call: (name, args) => bridge.call(name, args),

  /** Resolves when this tab has left. */
  run(asked) {
    leaving = new AbortController();
    connected = true;
    return bridge.run(asked);
  },

  stop() {
    leaving.abort();
    return bridge.stop();
  },
});

/** Python's events, of which one changes the state. */
function emit(name, detail) {
  if (name !== "unavailable") return rpc.emit(name, detail);
  connected = false;
  return rpc.emit("state", { kind: "running", connected, ...detail });
}

/** An answer tells that the coordinator is back. */
async function request(...asked) {
  const answer = await http.request(...asked);
  if (!connected && answer.status < 500) {
    connected = true;
    rpc.emit("state", { kind: "running", connected });
  }
  return answer;
}

function train(model, round) {
  return rpc.call("train", [model, round], { signal: leaving.signal });
}

/** @param {Uint8Array[]} seeds moved away @param {import("../kernel/mask_sum.js").Shape} shape */
function sumMasks(seeds, shape) {
  const transfer = seeds.map((seed) => seed.buffer);
  return kernel.call("sumMasks", [seeds, shape], { signal: leaving.signal, transfer });
}

async function sourceOf({ source, url }) {
  return source ?? (await reach(url, { cache: "no-cache" })).text();
}
