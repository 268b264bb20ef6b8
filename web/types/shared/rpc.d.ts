export class Rpc {
    /**
     * @param {Worker | MessagePort | typeof globalThis} port the last where this is a worker
     * @param {Record<string, (...args: any[]) => unknown>} handlers what the other side may call;
     *   an AbortSignal is passed after the arguments. The key `event` receives (name, detail).
     */
    constructor(port: Worker | MessagePort | typeof globalThis, handlers: Record<string, (...args: any[]) => unknown>);
    /**
     * @param {string} method
     * @param {unknown[]} args plain data
     * @param {{ signal?: AbortSignal, transfer?: Transferable[] }} [options]
     */
    call(method: string, args: unknown[], { signal, transfer }?: {
        signal?: AbortSignal;
        transfer?: Transferable[];
    }): Promise<any>;
    /** @param {string} name @param {unknown} detail plain data; typed arrays in it are moved */
    emit(name: string, detail: unknown): void;
    /** Fail every call under way, because the other side is gone. @param {Error} error */
    fail(error: Error): void;
    #private;
}
