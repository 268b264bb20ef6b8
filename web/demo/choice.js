/** What the visitor chose to train on, so that a reload of this tab need not ask again. */

const KEY = "petal.choice";

/**
 * Files are not remembered, only that there were some.
 * @typedef {{ task: string, party: string, shard: boolean, drawn: boolean, files: boolean,
 *   noise: boolean, drawings: { pixels: number[], label: number }[] }} Choice
 */

/** @param {Choice} choice */
export function remember(choice) {
  storage()?.setItem(KEY, JSON.stringify(choice));
}

/** @param {string} task @returns {Choice | null} */
export function recall(task) {
  const choice = JSON.parse(storage()?.getItem(KEY) ?? "null");
  return choice?.task === task ? choice : null;
}

/** Null where the browser denies storage: then a reload asks again, as the participant warns. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
