/** Puts this tab's own part on the page. Knows the elements, decides nothing. */

import { supported } from "../kernel/pool.js";
import { $, h, svg } from "./dom.js";
import { megabytes } from "./words.js";

/** @typedef {import("./task.js").Task} Task */

/** @param {{ address: string }} page */
export function build({ address }) {
  $("address").textContent = new URL(address).host;
  $("slow-note").hidden = supported();
  $("coordinator").title = `Coordinator: ${address}`;
}

/** @param {Task} task @param {string | null} party as the address bar has it */
export function task(task, party) {
  $("task-note").replaceChildren(h("b", {}, task.title), `: ${task.subtitle}`);
  $("sample-note").textContent = task.sample;
  $("credit").textContent = task.credit;
  $("drawings-choice").hidden = $("draw").hidden = task.input !== "drawing";
  $("rows").hidden = task.input !== "table";
  const chosen = party ?? task.natives + Math.floor(Math.random() * (task.parties - task.natives));
  $("party").replaceChildren(...Array.from({ length: task.parties }, (_, i) =>
    h("option", { value: i, selected: i === Number(chosen) }, `${i + 1} of ${task.parties}`)));
  classes(task, task.classes.map(() => 0));
}

/** @param {Task} task @param {number[][]} counts of every party's examples by class */
export function hands(task, counts, heldOut) {
  [...$("party").options].forEach((option, i) => {
    option.textContent = `${i + 1} of ${task.parties} (${sum(counts[i])} ${task.unit})`;
  });
  $("chart-note").textContent =
    `Measured in this tab, on ${heldOut} ${task.unit} that nobody trains on.`;
}

/** @param {Task} task @param {number[]} counts examples by class */
export function data(task, counts, drawn) {
  classes(task, counts);
  const total = sum(counts);
  $("data-note").textContent = total
    ? `${total} ${task.unit} in this tab, by ${task.input === "drawing" ? "digit" : "kind"}.`
    : `No ${task.unit} yet: take sample data or add your own.`;
  $("drawings-note").textContent = drawn
    ? `${drawn} added${$("use-drawings").checked ? "" : ", not used"}.`
    : "Draw digits and label them; they are added here.";
}

const sum = (counts) => counts.reduce((total, count) => total + count, 0);

function classes(task, counts) {
  const most = Math.max(...counts, 1);
  const noun = task.input === "drawing" ? "digit " : "";
  $("classes").setAttribute("aria-label",
    counts.map((count, i) => `${count} of ${noun}${task.classes[i]}`).join(", "));
  $("classes").replaceChildren(...counts.map((count, i) =>
    h("div", { title: `${count} ${task.unit}` },
      svg("svg", { viewBox: "0 0 10 100", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { x: 0, width: 10, y: 98 - 96 * count / most, height: 2 + 96 * count / most })),
      task.classes[i])));
}

/** @param {import("../shared/messages.js").State} state */
export function state(state, { held, joining }) {
  const running = ["running", "standby", "paused"].includes(state.kind);
  const button = $("join");
  button.textContent = running ? "Stop" : joining ? "Joining as soon as it is loaded…" : "Join the training";
  button.classList.toggle("stop", running);
  button.disabled = joining || (state.kind === "idle" && !held);
  $("loading").hidden = state.kind !== "loading";
  if (state.kind === "loading") loading(state);
  if (!running) idle(state.kind === "stopped");
}

function loading({ step, loaded, total }) {
  $("bar").max = total || 1;
  $("bar").value = loaded;
  $("loading-note").textContent = step === "download" && loaded < total
    ? `Loading Python: ${megabytes(loaded)} of ${megabytes(total)}`
    : "Starting Python…";
}

function idle(stopped) {
  $("role").textContent = stopped ? "This tab has left the training." : "This tab is watching.";
  $("activity").textContent = stopped ? "" : "Join to take part in the next round.";
  $("activity-bar").hidden = true;
}
