/** What a Participant tells its page, event by event: the type of each one's `detail`. */

/** @typedef {import("./shared/messages.js").State} State */
/** @typedef {import("./status.js").Status} Status */
/** @typedef {import("./training.js").Weights} Weights */

/**
 * @typedef {object} ParticipantEvents
 * @property {State} state
 * @property {(Status & { reachable: true }) | { reachable: false, reason: string }} phase
 * @property {import("./shared/messages.js").RoundDetail} round
 * @property {import("./shared/messages.js").RoleDetail} role
 * @property {{ weights: Weights | null }} model null while there is none
 * @property {import("./shared/messages.js").ProgressDetail} progress
 * @property {import("./shared/messages.js").MessageDetail} message
 * @property {import("./shared/messages.js").TrafficDetail} traffic
 * @property {import("./shared/messages.js").MaskedDetail} masked
 * @property {import("./shared/messages.js").PrivacyDetail} privacy what of the budget is spent
 * @property {{ norm: number, clip: number }} clipped an update was longer than the clip
 * @property {{ message: string }} warning what a person should know; it goes on
 * @property {import("./shared/messages.js").PlainError} error it cannot go on
 */

/**
 * @template E
 * @typedef {Omit<EventTarget, "addEventListener"> & { addEventListener<K extends keyof E & string>(
 *   type: K, listener: (event: CustomEvent<E[K]>) => void,
 *   options?: boolean | AddEventListenerOptions): void }} TypedTarget
 */

/** EventTarget, known by its events. */
export const ParticipantTarget =
  /** @type {new () => TypedTarget<ParticipantEvents>} */ (EventTarget);
