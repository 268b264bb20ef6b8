/** Puts what happens on the page. Knows the elements, decides nothing. */

import { $, h, svg } from "./dom.js";
import { activity, megabytes, phaseCount, PHASES, ROLES } from "./words.js";

const PARTIES = 20;
const NATIVE = 8; // of these parties are played by `petal demo`, in Python
const DIGITS = [...Array(10).keys()];

/** @param {{ address: string, add: (label: number) => void, party: string | null }} page */
export function build({ address, add, party }) {
  $("address").textContent = new URL(address).host;
  $("coordinator").title = `Coordinator: ${address}`;
  const chosen = party ?? NATIVE + Math.floor(Math.random() * (PARTIES - NATIVE));
  $("party").append(...Array.from({ length: PARTIES }, (_, i) =>
    h("option", { value: i, selected: i === Number(chosen) }, `${i + 1} of ${PARTIES}`)));
  $("phases").append(...PHASES.map(({ name, title, does }) =>
    h("li", { id: `phase-${name}` }, h("b", {}, title), h("small", {}, does))));
  $("bars").append(...DIGITS.map((digit) => h("li", {},
    h("span", {}, String(digit)),
    h("progress", { max: 1, value: 0, "aria-label": `Probability of a ${digit}` }),
    h("span", {}, ""))));
  $("labels").append(...DIGITS.map((digit) =>
    h("button", { type: "button", onclick: () => add(digit) }, String(digit))));
  classes(DIGITS.map(() => 0));
}

/** @param {number[][]} counts of every party's images by digit */
export function hands(counts, heldOut) {
  [...$("party").options].forEach((option, i) => {
    const total = counts[i].reduce((sum, count) => sum + count, 0);
    option.textContent = `${i + 1} of ${PARTIES} (${total} images)`;
  });
  $("chart-note").textContent =
    `Measured in this tab, on ${heldOut} images that nobody trains on.`;
}

/** @param {number[]} counts images by digit */
export function data(counts, drawn) {
  classes(counts);
  const total = counts.reduce((sum, count) => sum + count, 0);
  $("data-note").textContent = total
    ? `${total} images in this tab, by digit.`
    : "No images yet: take sample images or add drawings.";
  $("drawings-note").textContent = drawn
    ? `${drawn} added${$("use-drawings").checked ? "" : ", not used"}.`
    : "Draw digits and label them; they are added here.";
}

function classes(counts) {
  const most = Math.max(...counts, 1);
  $("classes").setAttribute("aria-label",
    counts.map((count, digit) => `${count} of digit ${digit}`).join(", "));
  $("classes").replaceChildren(...counts.map((count, digit) => h("div", { title: `${count} images` },
    svg("svg", { viewBox: "0 0 10 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { x: 0, width: 10, rx: 1, y: 98 - 96 * count / most, height: 2 + 96 * count / most })),
    String(digit))));
}

/** @param {import("../shared/messages.js").State} state */
export function state(state, { held, joining }) {
  const running = state.kind === "running";
  const button = $("join");
  button.textContent = running ? "Stop" : joining ? "Joining as soon as it is loaded…" : "Join the training";
  button.classList.toggle("stop", running);
  button.disabled = joining || (state.kind === "idle" && !held);
  $("loading").hidden = state.kind !== "loading";
  if (state.kind === "loading") loading(state);
  if (state.kind === "failed") failed(state.error);
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

/** @param {import("../status.js").Status & { reachable: boolean }} status */
export function status(status, coordinator) {
  $("lamp").className = `lamp ${status.reachable ? "on" : "off"}`;
  if (!status.reachable) return away(coordinator);
  unbanner("coordinator");
  $("round-number").textContent = status.round_id;
  phases(status);
  failure(status);
}

function away(coordinator) {
  const elsewhere = new URL(coordinator).origin !== location.origin;
  banner("coordinator", `The coordinator at ${coordinator} cannot be reached.`,
    "It may be down or restarting, or your connection is. This page keeps trying and goes on by " +
    "itself." + (elsewhere
      ? ` A coordinator elsewhere must also admit this page (its setting api.cors.allow_origins ` +
        `needs "${location.origin}").`
      : ""));
}

/** The browser kept this page from talking to somebody. */
export function forbidden({ effectiveDirective, blockedURI }) {
  if (effectiveDirective !== "connect-src") return;
  banner("forbidden", `This page may not talk to ${blockedURI}.`,
    `Whoever serves the page must name ${new URL(blockedURI).origin} in its setting ` +
    "web.coordinators.");
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

/** The coordinator may train something else than this page can. */
export function task(ours, theirs) {
  if (ours === theirs) return unbanner("task");
  banner("task", `This coordinator trains a model of ${theirs} weights; the digits' has ${ours}.`,
    `Its operator must set length = ${ours} under [model], or run petal demo.`);
}

/** Say that a round failed until the round after it is over. */
function failure({ last_failure: reason, round_id: round }) {
  const failed = Number(/^round (\d+)/.exec(reason ?? "")?.[1]);
  $("failure").hidden = !(failed >= round - 1);
  if (failed >= round - 1) {
    $("failure").textContent = `A round failed (${reason}). Nothing is lost: the next one follows.`;
  }
}

export function role(role) {
  $("role").textContent = ROLES[role];
}

export function progress({ stage, done, total }) {
  $("activity").textContent = activity(stage);
  $("activity-bar").hidden = !(total > 1);
  if (total > 1) {
    $("activity-bar").max = total;
    $("activity-bar").value = done;
  }
}

/** What became of a message of ours; only a refusal needs telling. */
export function message({ outcome, reason }) {
  if (outcome !== "accepted" && reason) {
    $("activity").textContent =
      `The coordinator did not take this message (${reason}). Waiting for the next round…`;
  }
}

/** @param {ArrayLike<number> | null} probabilities */
export function guess(probabilities, { empty = false, model = true }) {
  const best = probabilities ? DIGITS.reduce((a, b) => probabilities[b] > probabilities[a] ? b : a) : -1;
  [...$("bars").children].forEach((item, digit) => {
    const share = probabilities?.[digit] ?? 0;
    item.classList.toggle("best", digit === best);
    item.children[1].value = share;
    item.children[2].textContent = probabilities ? `${Math.round(100 * share)} %` : "";
  });
  const note = $("guess-note");
  if (probabilities) note.replaceChildren("The global model says ", h("b", {}, String(best)), ".");
  else if (empty || !model) {
    note.textContent = model
      ? "The global model guesses as soon as you lift the pen."
      : "There is no global model yet: it comes with the first finished round.";
  }
}

/** Something a person should know; the page goes on. */
export function trouble({ message }) {
  banner("trouble", message);
  setTimeout(() => unbanner("trouble"), 12_000);
}

/** Nothing goes on until it is tried again. */
export function failed({ message }) {
  banner("failed", "Python could not be started in this tab.", message);
}

export function recovered() {
  unbanner("failed");
}

/** One paragraph group a kind: a later text of a kind takes the place of the earlier one. */
function banner(kind, ...paragraphs) {
  unbanner(kind);
  $("banner").append(h(`div.${kind}`, {}, ...paragraphs.map((text) => h("p", {}, text))));
  $("banner").hidden = false;
}

function unbanner(kind) {
  $("banner").querySelector(`.${kind}`)?.remove();
  $("banner").hidden = !$("banner").childElementCount;
}
