/**
 * Everything that page and worker say to each other, in one place. Plain data only: what is here
 * survives a structured clone, so no functions, no class instances, no Python objects.
 *
 * @typedef {{ name: string, message: string, stack?: string }} PlainError
 *   `message` says what happened and what a person can do about it.
 *
 * @typedef {{ kind: "idle" }
 *   | { kind: "loading", step: LoadStep, loaded: number, total: number }
 *   | { kind: "standby" }
 *   | { kind: "running", connected: boolean, reason?: string, retryInSeconds?: number }
 *   | { kind: "paused" }
 *   | { kind: "stopped" }
 *   | { kind: "failed", error: PlainError }} State
 *   The one state of a participant. `loaded` and `total` are bytes. On standby it waits for another
 *   tab, which is the same participant, to leave.
 *
 * @typedef {"download" | "python" | "petal"} LoadStep
 *
 * @typedef {{ coordinator: string, train: { kind: "javascript" | "python" },
 *   options: { scalar: number, enrol: boolean, privacy: import("../privacy.js").Privacy | null }, snapshot: Uint8Array | null, keep?: Keep }} StartRequest  of page to worker
 * @typedef {{ key: string, fresh?: string, prefix?: string, age?: number }} Keep
 *   The record's key; for a tab's own the key it takes if it turns out to be a copy of another tab,
 *   and what other tabs left: keys that begin with `prefix` are forgotten at this age.
 *
 * @typedef {{ sumProbability: number, updateProbability: number, seed: string,
 *   modelLength: number, maskConfig: string, dataType: "F32" | "F64" | "I32" | "I64" }} RoundDetail
 *   `seed` is hex
 * @typedef {{ role: "sum" | "update" | "none" }} RoleDetail
 * @typedef {{ stage: string, done: number, total: number }} ProgressDetail
 *   A stage is a state of the participant; `total` is 0 where there is nothing to count.
 * @typedef {{ stage: "sum" | "update" | "sum2", outcome: string | null, reason: string | null }}
 *   MessageDetail  `outcome` is accepted, rejected or discarded; null where it is not told
 * @typedef {{ weights: number[], scalar: number, masked: string[], order: string, length: number }}
 *   MaskedDetail  the first trained weights, and the integers below `order` that leave in their place
 * @typedef {{ spent: number, epsilon: number, delta: number, updates: number, left: number }}
 *   PrivacyDetail  `spent` of the budget `epsilon` by `updates` updates; `left` more can follow
 * @typedef {{ sent: number, received: number }} TrafficDetail  bytes of one request and its answer
 */
/**
 * @typedef {{ type: "call", id: number, method: string, args: unknown[] }} Call
 * @typedef {{ type: "result", id: number, value: unknown }} Result
 * @typedef {{ type: "error", id: number, error: PlainError }} Failure
 * @typedef {{ type: "abort", id: number }} Abort  the caller no longer wants call `id`
 * @typedef {{ type: "event", name: string, detail: unknown }} Event
 * @typedef {Call | Result | Failure | Abort | Event} Message
 */
/** @param {unknown} error @returns {PlainError} */
export function plainError(error: unknown): PlainError;
/** The error on this side of the wall again, to be thrown. @param {PlainError} plain */
export function revive({ name, message, stack }: PlainError): Error;
/** The buffers of typed arrays in `value`, so that they move instead of being copied. */
export function buffersOf(value: any): any;
/**
 * `message` says what happened and what a person can do about it.
 */
export type PlainError = {
    name: string;
    message: string;
    stack?: string;
};
/**
 * The one state of a participant. `loaded` and `total` are bytes. On standby it waits for another
 * tab, which is the same participant, to leave.
 */
export type State = {
    kind: "idle";
} | {
    kind: "loading";
    step: LoadStep;
    loaded: number;
    total: number;
} | {
    kind: "standby";
} | {
    kind: "running";
    connected: boolean;
    reason?: string;
    retryInSeconds?: number;
} | {
    kind: "paused";
} | {
    kind: "stopped";
} | {
    kind: "failed";
    error: PlainError;
};
/**
 * Everything that page and worker say to each other, in one place. Plain data only: what is here
 * survives a structured clone, so no functions, no class instances, no Python objects.
 */
export type LoadStep = "download" | "python" | "petal";
/**
 * of page to worker
 */
export type StartRequest = {
    coordinator: string;
    train: {
        kind: "javascript" | "python";
    };
    options: {
        scalar: number;
        enrol: boolean;
        privacy: import("../privacy.js").Privacy | null;
    };
    snapshot: Uint8Array | null;
    keep?: Keep;
};
/**
 * The record's key; for a tab's own the key it takes if it turns out to be a copy of another tab,
 * and what other tabs left: keys that begin with `prefix` are forgotten at this age.
 */
export type Keep = {
    key: string;
    fresh?: string;
    prefix?: string;
    age?: number;
};
/**
 * `seed` is hex
 */
export type RoundDetail = {
    sumProbability: number;
    updateProbability: number;
    seed: string;
    modelLength: number;
    maskConfig: string;
    dataType: "F32" | "F64" | "I32" | "I64";
};
/**
 * Everything that page and worker say to each other, in one place. Plain data only: what is here
 * survives a structured clone, so no functions, no class instances, no Python objects.
 */
export type RoleDetail = {
    role: "sum" | "update" | "none";
};
/**
 * A stage is a state of the participant; `total` is 0 where there is nothing to count.
 */
export type ProgressDetail = {
    stage: string;
    done: number;
    total: number;
};
/**
 * `outcome` is accepted, rejected or discarded; null where it is not told
 */
export type MessageDetail = {
    stage: "sum" | "update" | "sum2";
    outcome: string | null;
    reason: string | null;
};
/**
 * the first trained weights, and the integers below `order` that leave in their place
 */
export type MaskedDetail = {
    weights: number[];
    scalar: number;
    masked: string[];
    order: string;
    length: number;
};
/**
 * `spent` of the budget `epsilon` by `updates` updates; `left` more can follow
 */
export type PrivacyDetail = {
    spent: number;
    epsilon: number;
    delta: number;
    updates: number;
    left: number;
};
/**
 * bytes of one request and its answer
 */
export type TrafficDetail = {
    sent: number;
    received: number;
};
export type Call = {
    type: "call";
    id: number;
    method: string;
    args: unknown[];
};
export type Result = {
    type: "result";
    id: number;
    value: unknown;
};
export type Failure = {
    type: "error";
    id: number;
    error: PlainError;
};
/**
 * the caller no longer wants call `id`
 */
export type Abort = {
    type: "abort";
    id: number;
};
export type Event = {
    type: "event";
    name: string;
    detail: unknown;
};
export type Message = Call | Result | Failure | Abort | Event;
