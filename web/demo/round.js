/** The round as it goes: phases and counts, this tab's part in it, and how earlier rounds ended. */

import { refusal } from "../refusals.js";
import { unbanner, away } from "./banner.js";
import { $, h } from "./dom.js";
import { activity, failure as inWords, phaseCount, PHASES, ROLES } from "./words.js";

const SHOWN = 100; // rounds

/** What the last look at each round counted. @type {Map<number, Record<string, number>>} */
const counted = new Map();
/** @type {string | null} */
let lastFailure = null;
/** Why this tab's message was not taken in this round. */
let refused = "";

export function build() {
  $("phases").append(...PHASES.map(({ name, title, does }) =>
    h("li", { id: `phase-${name}` }, h("b", {}, title), h("small", {}, does))));
}

/** @param {import("../status.js").Status & { reachable: boolean }} status */
export function status(status, coordinator) {
  $("lamp").className = `lamp ${status.reachable ? "on" : "off"}`;
  if (!status.reachable) return away(coordinator);
  unbanner("coordinator");
  counted.set(status.round_id, { ...counted.get(status.round_id), ...most(status) });
  $("round-number").textContent = status.round_id;
  $("participants").textContent = participants(status);
  phases(status);
  failure(status);
}

/** The counts of a round never fall; between rounds the coordinator may show none. */
function most({ round_id: round, counts }) {
  const before = counted.get(round) ?? {};
  return Object.fromEntries(Object.entries(counts).map(([phase, count]) =>
    [phase, Math.max(count, before[phase] ?? 0)]));
}

function participants({ counts }) {
  const total = counts.sum + counts.update;
  return total ? `${total} participant${total === 1 ? "" : "s"} in this round` : "";
}

function phases(status) {
  const now = PHASES.findIndex(({ name }) => name === status.phase);
  PHASES.forEach(({ name, does }, i) => {
    const item = $(`phase-${name}`);
    item.classList.toggle("past", now > i);
    item.classList.toggle("now", now === i);
    item.setAttribute("aria-current", now === i ? "step" : "false");
    item.lastChild.textContent = now >= i ? phaseCount(name, status) || does : does;
  });
}

/** Say that a round failed until the round after it is over. */
function failure({ last_failure: reason, round_id: round }) {
  const failed = inWords(reason);
  const recent = failed !== null && failed.round >= round - 1;
  $("failure").hidden = !recent;
  if (recent) {
    $("failure").textContent =
      `Round ${failed.round} failed: ${failed.text}. Nothing is lost: the next one follows by itself.`;
  }
  if (failed && reason !== lastFailure) {
    remember(failed.round, h("td", { colspan: 4 }, `failed: ${failed.text}`));
  }
  lastFailure = reason;
}

/** A round's line in the history. @param {number} round @param {...HTMLElement} cells */
function remember(round, ...cells) {
  document.getElementById(`history-${round}`)?.remove();
  $("history").prepend(h("tr", { id: `history-${round}` }, h("th", { scope: "row" }, String(round)), ...cells));
  while ($("history").childElementCount > SHOWN) $("history").lastChild.remove();
}

/** @param {number} round @param {{ accuracy: string, loss: string }} judged */
export function ended(round, { accuracy, loss }) {
  const { update = "–", sum = "–" } = counted.get(round) ?? {};
  remember(round, ...[accuracy, loss, update, sum].map((text) => h("td", {}, String(text))));
  for (const old of counted.keys()) if (old < round) counted.delete(old);
}

export function role(role) {
  refused = "";
  $("role").textContent = ROLES[role];
}

export function progress({ stage, done, total }) {
  $("activity").textContent = refused || activity(stage);
  $("activity-bar").hidden = !(total > 1);
  if (total > 1) {
    $("activity-bar").max = total;
    $("activity-bar").value = done;
  }
}

/** What became of a message of ours; only a refusal needs telling, until the next round. */
export function message(detail) {
  refused = refusal(detail);
  if (refused) $("activity").textContent = refused;
}
