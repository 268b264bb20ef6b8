/** The coordinator's and the participant's words, for a visitor. */

const TOO_LATE = "it came too late";
const NOT_ADMITTED = "it admits only who is enrolled, and this participant is not, or not any more";
const REASONS = {
  wrong_phase: TOO_LATE,
  phase_over: TOO_LATE,
  phase_full: "enough others had come before",
  replayed: "it has one from this participant already",
  multipart_full: "it has too much to do",
};

/**
 * Why a message was not taken and what happens next; empty where it was taken.
 * @param {import("./shared/messages.js").MessageDetail | undefined} message
 */
export function refusal(message) {
  if (!message?.reason || message.outcome === "accepted") return "";
  const { reason } = message;
  const why = /enrol/.test(reason) ? NOT_ADMITTED : REASONS[reason] ?? `its reason is “${reason}”`;
  return `The coordinator did not take this tab's message: ${why}. The next round is another chance.`;
}

/** A warning as a sentence; an address stays as it is. @param {string} message */
export function sentence(message) {
  const begun = message.replace(/^(?!\w+:\/)\w/, (letter) => letter.toUpperCase());
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
