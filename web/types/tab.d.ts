/** @typedef {import("./training.js").PythonModules} PythonModules */
export class Tab {
    /**
     * @param {Record<string, (...args: any[]) => unknown>} handlers what the worker may call
     * @param {object} heard
     * @param {(done: number, total: number) => void} heard.masks as masks are derived
     * @param {(error: Error) => void} heard.broken when the worker is lost, at most once
     */
    constructor(handlers: Record<string, (...args: any[]) => unknown>, { masks, broken }: {
        masks: (done: number, total: number) => void;
        broken: (error: Error) => void;
    });
    /** Everything up to `import petal`. @param {PythonModules | null} training */
    load(training: PythonModules | null): Promise<void>;
    /** @param {string} method @param {unknown[]} args @returns {Promise<any>} */
    call(method: string, args: unknown[]): Promise<any>;
    /** At once, whatever it does. @param {string} reason for the calls under way */
    end(reason: string): void;
    #private;
}
export type PythonModules = import("./training.js").PythonModules;
