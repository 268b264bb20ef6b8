/** The global model as a file: numpy's .npy, or JSON. */

import { h } from "./dom.js";

/** @typedef {{ id: string, round: number, weights: Float32Array | Float64Array | Int32Array | BigInt64Array }} Model */

/** @param {Model} model @param {string} task */
export function saveNpy({ round, weights }, task) {
  const type = { Float32Array: "<f4", Float64Array: "<f8", Int32Array: "<i4", BigInt64Array: "<i8" };
  const text = `{'descr': '${type[weights.constructor.name]}', 'fortran_order': False, ` +
    `'shape': (${weights.length},), }`;
  // The format wants the header to end on a multiple of 64 bytes.
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const magic = Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length & 255, header.length >> 8);
  save([magic, header, weights], "application/octet-stream", `${task}-round-${round}.npy`);
}

/** @param {Model} model @param {string} task */
export function saveJson({ id, round, weights }, task) {
  const plain = Array.from(weights, Number);
  save([JSON.stringify({ task, round, id, weights: plain })], "application/json", `${task}-round-${round}.json`);
}

function save(parts, type, name) {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
