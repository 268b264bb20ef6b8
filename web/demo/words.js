/** What the page says: names of phases, roles and activities. */

export const PHASES = [
  { name: "sum", title: "Sum", does: "Sum participants send one-time keys" },
  { name: "update", title: "Update", does: "The others train and send masked models" },
  { name: "sum2", title: "Sum2", does: "Sum participants send the sum of the masks" },
  { name: "unmask", title: "Unmask", does: "The masks come off the sum: a new global model" },
];

export const ROLES = {
  sum: "This tab is a sum participant: it helps to take the masks off the sum.",
  update: "This tab is an update participant: it trains and sends a masked model.",
  none: "This tab has no task in this round.",
};

const ACTIVITIES = {
  joining: "Joining: waiting for a round…",
  sending_sum: "Sending a one-time key…",
  fetching_model: "Fetching the global model…",
  training: "Training on your data…",
  awaiting_sums: "Trained. Waiting for the sum participants' keys…",
  masking: "Masking the trained weights…",
  sending_update: "Sending the masked model…",
  awaiting_seeds: "Waiting for everybody's masked models…",
  summing_masks: "Adding up the masks…",
  sending_sum2: "Sending the sum of the masks…",
  awaiting_round: "Done in this round. Waiting for the next one…",
  finished: "Finished.",
};

export const activity = (stage) => ACTIVITIES[stage] ?? stage;

/** How far a phase has come: "3 in, 1 needed". */
export function phaseCount(phase, status) {
  const limits = status.limits?.[phase];
  const count = status.counts?.[phase];
  if (!limits || count === undefined) return "";
  return `${count} in, ${limits.min} needed`;
}

const FAILURE = /^round (\d+), (\w+): (.*)$/;

/**
 * The coordinator's words for a failed round, for people.
 * @param {string | null} reason @returns {{ round: number, text: string } | null}
 */
export function failure(reason) {
  const [, round, phase, detail] = FAILURE.exec(reason ?? "") ?? [];
  if (!round) return null;
  const [, came, needed, seconds] = /(\d+) of (\d+) messages after ([\d.]+) s/.exec(detail) ?? [];
  const text = came
    ? `too few took part in ${phase} (${came} of ${needed} within ${seconds} s)`
    : `${phase}: ${detail}`;
  return { round: Number(round), text };
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
