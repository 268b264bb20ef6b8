export { fetchModel } from "./model.js";
declare const Participant_base: new () => import("./events.js").TypedTarget<import("./events.js").ParticipantEvents>;
/** One participant. Its events, CustomEvents with plain data in `detail`, are in events.js. */
export class Participant extends Participant_base {
    /** @param {Options} options */
    constructor(options: Options);
    /** @returns {State} */
    get state(): State;
    get coordinator(): string;
    /** What of the privacy budget is spent; null while that is not known, or without privacy. */
    get budget(): import("./shared/messages.js").PrivacyDetail | null;
    /**
     * Other settings, from the next `start` on; what is spent stays spent. Null leaves a participant
     * as it was: one with noise loses it by `forget` alone.
     * @param {Privacy | null} privacy
     */
    set privacy(privacy: Privacy | null);
    get privacy(): Privacy | null;
    /** Whether Python is there, or on its way. */
    get loaded(): boolean;
    /** Tell `phase` from now on, whether taking part or not. */
    watch(): void;
    /** Load Python and the training module; `start` and `call` do it when it was not done yet. */
    load(): Promise<void>;
    /**
     * Join, and go on from round to round until `stop`. Resolves once taking part, or on standby
     * behind another tab. A participant that was stopped, or cut off where `persist` keeps it, goes
     * on where it was.
     */
    start(): Promise<void>;
    /**
     * Leave after the step under way. What is loaded stays: `call` and `start` go on working.
     * @returns {Promise<Uint8Array | null>} the participant, secret keys included, for the option
     *   `snapshot`; null if it never took part, or if Python was too busy to write it down
     */
    stop(): Promise<Uint8Array | null>;
    /** Begin nothing new until `resume`; a training or a message under way is finished. */
    pause(): void;
    resume(): void;
    /** End the worker at once and free its memory; `load` or `start` begin anew. */
    close(): void;
    /** Whether `persist` keeps a participant that a reload, or worse, cut off while taking part. */
    interrupted(): Promise<boolean>;
    /** Forget the participant, keys and all; `start` joins as a new one. Not while taking part. */
    forget(): Promise<void>;
    /**
     * Call a function of the Python training module, where it lives.
     * Typed arrays become numpy arrays and numpy arrays typed arrays (flat); lists, dictionaries,
     * numbers and strings become what they are called on the other side.
     * @param {string} name @param {...unknown} args
     * @returns {Promise<any>} what the function raises rejects it; where the worker cannot go on
     *   after it (out of memory), the participant fails too
     */
    call(name: string, ...args: unknown[]): Promise<any>;
    #private;
}
export type State = import("./shared/messages.js").State;
export type PlainError = import("./shared/messages.js").PlainError;
export type RoundDetail = import("./shared/messages.js").RoundDetail;
export type ParticipantEvents = import("./events.js").ParticipantEvents;
export type Weights = import("./training.js").Weights;
export type TrainFunction = import("./training.js").TrainFunction;
export type PythonTraining = import("./training.js").PythonTraining;
export type Privacy = import("./privacy.js").Privacy;
export type EnrolFunction = import("./enrolment.js").EnrolFunction;
export type PrivacyDetail = import("./shared/messages.js").PrivacyDetail;
export type Options = {
    train: TrainFunction | PythonTraining;
    /**
     * its address; the page's own origin if left out
     */
    coordinator?: string | URL | undefined;
    /**
     * this participant's weight in the mean, 1 if left out
     */
    scalar?: number | undefined;
    /**
     * keep the participant in this browser, so that a reload
     * goes on with it: true keeps one for this tab, a name one that all tabs of this origin share,
     * of which one at a time takes part; true if left out where there is `privacy`, else false
     */
    persist?: string | boolean | undefined;
    /**
     * what `stop` gave, to go on as that participant
     */
    snapshot?: Uint8Array<ArrayBufferLike> | null | undefined;
    /**
     * noise on every update, within a budget; none if left out
     */
    privacy?: import("./privacy.js").Privacy | null | undefined;
    /**
     * a token, or what gets one, for a coordinator that
     * admits only who has one; not called where anybody is admitted
     */
    enrolment?: string | import("./enrolment.js").EnrolFunction | undefined;
    /**
     * leaves and frees everything when aborted
     */
    signal?: AbortSignal | undefined;
};
