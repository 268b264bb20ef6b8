/** What goes wrong, above everything else, with what happens next. */

import { sentence } from "../refusals.js";
import { $, h } from "./dom.js";

/** One paragraph group a kind: a later text of a kind takes the place of the earlier one. */
export function banner(kind, ...paragraphs) {
  unbanner(kind);
  $("banner").append(h(`div.${kind}`, {}, ...paragraphs.map((text) => h("p", {}, text))));
  $("banner").hidden = false;
}

export function unbanner(kind) {
  $("banner").querySelector(`.${kind}`)?.remove();
  $("banner").hidden = !$("banner").childElementCount;
}

/** Something a person should know; the page goes on. */
export function trouble({ message }) {
  banner("trouble", sentence(message));
  setTimeout(() => unbanner("trouble"), 12_000);
}

/** Python, or the task, did not load. */
export function unloaded({ message }) {
  banner("unloaded", "Python could not be started in this tab.", message,
    "This page tries again by itself.");
}

/** It took part, and broke down. @param {{ again: boolean }} next whether the page goes on by itself */
export function stopped({ name, message }, { again }) {
  if (name === "EnrolmentError") {
    banner("stopped", "This tab is not admitted.", sentence(message),
      "With a token, add ?enrolment=TOKEN to this page's address, in this tab.");
    return;
  }
  banner("stopped", "This tab stopped taking part.", message, again
    ? "Python is being started afresh with your data. Then this tab goes on by itself."
    : "Press “Join the training” to begin again.");
}

export function away(coordinator) {
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

/** The coordinator may train something else than this page can. */
export function otherModel(task, theirs) {
  if (task.model.length === theirs) return unbanner("task");
  const ours = task.model.length;
  banner("task", `This coordinator trains a model of ${theirs} weights; ${task.title} has ${ours}.`,
    `Its operator must set length = ${ours} under [model], or run petal demo --task ${task.name}.`);
}
