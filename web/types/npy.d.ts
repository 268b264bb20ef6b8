/** @param {ArrayBuffer} buffer @returns {Float32Array | Float64Array | Int32Array | BigInt64Array} */
export function readNpy(buffer: ArrayBuffer): Float32Array | Float64Array | Int32Array | BigInt64Array;
