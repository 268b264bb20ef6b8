/** What an app gives to be trained: a JavaScript function, or Python modules for the worker. */
/** @typedef {import("./shared/messages.js").RoundDetail} RoundDetail */
/** @typedef {Float32Array | Float64Array | Int32Array | BigInt64Array} Weights */
/** @typedef {Weights | { weights: Weights, scalar?: number }} Trained */
/**
 * `signal` is aborted when the weights are no longer wanted; `progress` tells how far it is.
 * @typedef {{ round: RoundDetail, signal: AbortSignal,
 *   progress: (done: number, total: number) => void }} TrainContext
 */
/**
 * Trains on local data from the global model (null while there is none) and gives the new weights,
 * of the length and type that `round` names; or `{ weights, scalar }` to weigh them in the mean.
 * @typedef {(model: Weights | null, context: TrainContext) => Trained | Promise<Trained>}
 *   TrainFunction
 */
/**
 * A Python training module, run in the worker: it defines `train(model, round)`, where `model` is
 * a numpy array or None, and gives an array or `(array, scalar)`. `python` is the source (more than
 * one line) or its address; `modules` are further modules it imports, name to source or address.
 * @typedef {{ python: string, modules?: Record<string, string> }} PythonTraining
 */
/**
 * @typedef {{ source?: string, url?: string }} Source
 * @typedef {Source & { modules: (Source & { name: string })[] }} PythonModules
 */
/**
 * Source stays source; an address becomes absolute, seen from the page.
 * @param {PythonTraining} training
 * @returns {PythonModules}
 */
export function pythonModules({ python, modules }: PythonTraining): PythonModules;
export type RoundDetail = import("./shared/messages.js").RoundDetail;
export type Weights = Float32Array | Float64Array | Int32Array | BigInt64Array;
export type Trained = Weights | {
    weights: Weights;
    scalar?: number;
};
/**
 * `signal` is aborted when the weights are no longer wanted; `progress` tells how far it is.
 */
export type TrainContext = {
    round: RoundDetail;
    signal: AbortSignal;
    progress: (done: number, total: number) => void;
};
/**
 * Trains on local data from the global model (null while there is none) and gives the new weights,
 * of the length and type that `round` names; or `{ weights, scalar }` to weigh them in the mean.
 */
export type TrainFunction = (model: Weights | null, context: TrainContext) => Trained | Promise<Trained>;
/**
 * A Python training module, run in the worker: it defines `train(model, round)`, where `model` is
 * a numpy array or None, and gives an array or `(array, scalar)`. `python` is the source (more than
 * one line) or its address; `modules` are further modules it imports, name to source or address.
 */
export type PythonTraining = {
    python: string;
    modules?: Record<string, string>;
};
export type Source = {
    source?: string;
    url?: string;
};
export type PythonModules = Source & {
    modules: (Source & {
        name: string;
    })[];
};
