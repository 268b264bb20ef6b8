/** What the card of element.js says. */

import { refusal, sentence } from "./refusals.js";

/** @typedef {import("./shared/messages.js").State} State */

const STEPS = {
  download: "Loading what is needed …",
  python: "Starting Python …",
  petal: "Getting ready …",
};

const STAGES = {
  joining: "Waiting for the round to begin",
  fetching_model: "Fetching the model",
  training: "Training on your data",
  awaiting_sums: "Trained; waiting for the others",
  masking: "Masking the trained model",
  awaiting_seeds: "Waiting for the others' updates",
  summing_masks: "Adding up masks",
  awaiting_round: "Done in this round; waiting for the next",
  sending_sum: "Sending a key for this round",
  sending_update: "Sending the masked model",
  sending_sum2: "Sending the sum of masks",
};

const ROLES = {
  sum: "In this round this tab helps to add masks up.",
  update: "In this round this tab trains.",
  none: "This tab sits this round out.",
};

/** @param {State} state @returns {{ said: string, does: string }} and what the button does */
export function words(state) {
  switch (state.kind) {
    case "loading": return { said: STEPS[state.step], does: "Stop" };
    case "standby": return { said: "Another tab takes part; this one waits.", does: "Stop" };
    case "running": return { said: running(state), does: "Stop" };
    case "paused": return { said: "Paused.", does: "Stop" };
    case "stopped": return { said: "You are not taking part any more.", does: "Take part" };
    case "failed": return { said: `It does not go on. ${state.error.message}`, does: "Try again" };
    default: return { said: "You are not taking part.", does: "Take part" };
  }
}

/** @param {State & { kind: "running" }} state */
function running({ connected, reason }) {
  return connected ? "You are taking part." : `Trying again by itself. ${sentence(reason ?? "")}`;
}

/** What it is doing just now. @param {State} state @param {Record<string, any>} heard */
export function detail(state, { role, progress, message, warning }) {
  if (state.kind !== "running") return "";
  const does = refusal(message) || STAGES[progress?.stage];
  const parts = [ROLES[role?.role], does, warning && sentence(warning.message)];
  return parts.filter(Boolean).join(" · ");
}

/** How much is done of what takes long, 0 to 1; null where nothing does. @param {State} state */
export function share(state, progress) {
  if (state.kind === "loading") return state.total ? state.loaded / state.total : 0;
  if (state.kind !== "running" || !progress?.total) return null;
  return progress.done < progress.total ? progress.done / progress.total : null;
}
