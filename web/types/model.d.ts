/**
 * @param {string} coordinator
 * @returns {Promise<{ id: string, round: number, weights: Float32Array | Float64Array | Int32Array
 *   | BigInt64Array } | null>} null while there is no model; `round` is the round that made it
 */
export function fetchModel(coordinator: string): Promise<{
    id: string;
    round: number;
    weights: Float32Array | Float64Array | Int32Array | BigInt64Array;
} | null>;
