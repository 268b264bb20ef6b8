/** What the coordinator trains: its task's description, module and data. */

import { caching } from "../shared/reach.js";

/**
 * @typedef {{ name: string, title: string, subtitle: string, module: string, data: string,
 *   model: { length: number, mask: string }, input: "drawing" | "table", classes: string[],
 *   columns: string[] | number, unit: string, parties: number, natives: number, sample: string,
 *   credit: string }} Task  as docs/tasks.md describes it
 */

const NAME = /^[a-z][a-z0-9_-]{0,40}$/;

/**
 * The task that the coordinator runs. Its code and data come from this page's own server: another
 * coordinator may only name a task, not bring one.
 * @param {string} coordinator
 * @returns {Promise<{ task: Task, source: string, data: Uint8Array }>}
 */
export async function fetchTask(coordinator) {
  const { name } = await (await reach(`${coordinator}/task`)).json();
  if (!NAME.test(name)) throw new Error("The coordinator names a task that this page does not have.");
  const at = (file) => new URL(`tasks/${name}/${file}`, import.meta.url).href;
  const task = await (await reach(at("task.json"))).json();
  const [source, data] = await Promise.all([reach(at(task.module)), reach(at(task.data))]);
  return {
    task: { ...task, name },
    source: await source.text(),
    data: new Uint8Array(await data.arrayBuffer()),
  };
}

async function reach(url) {
  let answer;
  try {
    answer = await fetch(url, caching(url));
  } catch (error) {
    throw new Error(`${url} could not be reached (${error.message}). This page tries again by itself.`);
  }
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: the learning task is missing.`);
  return answer;
}
