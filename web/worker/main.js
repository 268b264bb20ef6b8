/** The worker's messages: each one a call into boot or bridge. No rule lives here. */

import { reach } from "../shared/reach.js";
import { Rpc } from "../shared/rpc.js";
import { boot } from "./boot.js";
import { Bridge } from "./bridge.js";
import * as http from "./http.js";
import { Gate } from "./gate.js";
import { Keeper } from "./keeper.js";

/** @typedef {import("../training.js").PythonModules} PythonModules */

/** @type {Promise<Bridge>} */
let booted;
/** @type {Bridge} */
let bridge;
/** Aborted when this tab leaves: a training on the page is then no longer wanted. */
let leaving = new AbortController();
let connected = true;
/** The page's mask workers, where there are any. @type {Rpc} */
let kernel;
const gate = new Gate();
/** Set while a participant is kept. @type {Keeper | null} */
let keeper = null;

const rpc = new Rpc(globalThis, {
  /**
   * @param {string} base the folder of petal.js
   * @param {Record<string, { url: string, bytes: number }>} files of its manifest
   * @param {MessagePort | null} port to the mask workers, if there are any
   */
  async load(base, files, port) {
    if (port) {
      kernel = new Rpc(port, {});
      port.start();
    }
    const turn = () => gate.passed;
    const paused = () => gate.closed;
    const page = {
      emit, request, train, enrol, turn, paused, keep, keepProgress, begun, ...(kernel && { sumMasks }),
    };
    booted = boot(new URL(base), files, loading).then((made) => new Bridge(made, page));
    bridge = await booted;
  },

  /** May be called while `load` is under way. @param {PythonModules} training */
  async use(training) {
    const sources = await Promise.all([...training.modules, training].map(sourceOf));
    const main = sources.pop();
    await booted;
    for (const [i, { name }] of training.modules.entries()) await bridge.define(name, sources[i]);
    await bridge.define("petal_task", main);
  },

  call: (name, args) => bridge.call(name, args),

  /** Resolves when this tab has left, to the participant as it then is. */
  async run({ keep, snapshot, ...asked }) {
    leaving = new AbortController();
    const { signal } = leaving;
    try {
      keeper = keep ? await Keeper.open(keep, { signal, ...told }) : null;
      const kept = await keeper?.saved();
      if (signal.aborted) return kept ? null : snapshot; // what is kept stays where it is
      if (kept) return await goOn({ ...asked, ...kept });
      return await takePart({ ...asked, snapshot });
    } catch (error) {
      if (error === signal.reason) return snapshot; // on standby until the end
      throw error;
    } finally {
      keeper?.close();
      keeper = null;
    }
  },

  pause: () => gate.close(),
  resume: () => gate.open(),

  async stop() {
    leaving.abort();
    await bridge.stop();
    gate.open(); // only now, or a paused participant would begin something first
  },
});

/** As the participant that was kept; one that another version of Petal kept may be of no use. */
async function goOn(asked) {
  try {
    return await takePart(asked);
  } catch (error) {
    if (!["SnapshotError", "PrivacyError"].includes(error.name)) throw error;
    told.warn(`This tab joins as a new participant: ${error.message}`);
    return takePart({ ...asked, snapshot: undefined, progress: undefined });
  }
}

async function takePart(asked) {
  const left = await bridge.run({ ...asked, kept: keeper !== null });
  await keeper?.left(left);
  return left;
}

/** It is kept, where it is to be: from here on a reload goes on as this participant. */
function begun() {
  connected = true;
  rpc.emit("state", { kind: "running", connected });
}

function loading(step, loaded, total) {
  rpc.emit("state", { kind: "loading", step, loaded, total });
}

/** What the page hears of the keeping. */
const told = {
  standby: () => rpc.emit("state", { kind: "standby" }),
  moved: (key) => rpc.emit("moved", key),
  warn: (message) => rpc.emit("warning", { message }),
};

/** @param {Uint8Array} snapshot @param {boolean} owes it has a privacy budget */
function keep(snapshot, owes) {
  return keeper?.save(snapshot, owes);
}

function keepProgress(progress) {
  return keeper?.advance(progress);
}

/** Python's events, of which one changes the state. */
function emit(name, detail) {
  if (name !== "unavailable") return rpc.emit(name, detail);
  connected = false;
  return rpc.emit("state", { kind: "running", connected, ...detail });
}

/** An answer tells that the coordinator is back. */
async function request(method, url, headers, body, limit) {
  const answer = await http.request(method, url, headers, body, limit, leaving.signal);
  rpc.emit("traffic", { sent: body?.length ?? 0, received: answer.body.length });
  if (!connected && answer.status < 500) {
    connected = true;
    rpc.emit("state", { kind: "running", connected });
  }
  return answer;
}

function train(model, round) {
  return rpc.call("train", [model, round], { signal: leaving.signal });
}

/** @param {string} publicKey */
function enrol(publicKey) {
  return rpc.call("enrol", [publicKey], { signal: leaving.signal });
}

/** @param {Uint8Array[]} seeds moved away @param {import("../kernel/mask_sum.js").Shape} shape */
function sumMasks(seeds, shape) {
  const transfer = seeds.map((seed) => seed.buffer);
  return kernel.call("sumMasks", [seeds, shape], { signal: leaving.signal, transfer });
}

/** @param {import("../training.js").Source} where */
async function sourceOf({ source, url }) {
  return source ?? (await reach(/** @type {string} */ (url))).text();
}
