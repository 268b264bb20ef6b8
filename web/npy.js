/** Reads numpy's .npy: one flat array of the types that a model has. */

const TYPES = {
  "<f4": Float32Array, "<f8": Float64Array, "<i4": Int32Array, "<i8": BigInt64Array,
};

/** @param {ArrayBuffer} buffer @returns {Float32Array | Float64Array | Int32Array | BigInt64Array} */
export function readNpy(buffer) {
  const bytes = new Uint8Array(buffer);
  if (String.fromCharCode(...bytes.subarray(1, 6)) !== "NUMPY") throw new Error("This is no .npy");
  const end = 10 + bytes[8] + 256 * bytes[9];
  const header = new TextDecoder().decode(bytes.subarray(10, end));
  const [, type] = /'descr': '([^']+)'/.exec(header) ?? [];
  if (!TYPES[type]) throw new Error(`No model is stored as ${type}`);
  return new TYPES[type](buffer.slice(end));
}
