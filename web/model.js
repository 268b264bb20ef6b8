/** Fetches the global model. */

import { readNpy } from "./npy.js";

/**
 * @param {string} coordinator
 * @returns {Promise<{ id: string, round: number, weights: Float32Array | Float64Array | Int32Array
 *   | BigInt64Array } | null>} null while there is no model; `round` is the round that made it
 */
export async function fetchModel(coordinator) {
  const answer = await fetch(`${coordinator}/model`, {
    headers: { accept: "application/x-npy" },
    cache: "no-cache",
  });
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error(`The coordinator answered ${answer.status} when asked for the model`);
  const id = answer.headers.get("petal-model-id") ?? "";
  return { id, round: Number.parseInt(id, 10), weights: readNpy(await answer.arrayBuffer()) };
}
