/** Whether this browser can run the kernel; where not, numpy and libsodium give the same masks. */
export function supported(): boolean;
export class KernelPool {
    /**
     * @param {object} [options]
     * @param {number} [options.workers] how many at the most; one a core if left out
     * @param {(done: number, total: number) => void} [options.progress] seeds done, of a sum of many
     */
    constructor({ workers, progress }?: {
        workers?: number | undefined;
        progress?: ((done: number, total: number) => void) | undefined;
    });
    /** A port that answers the call `sumMasks(seeds, shape)` of an Rpc on its other end. */
    port(): MessagePort;
    /**
     * The sum of the masks of all seeds.
     * @param {Uint8Array[]} seeds of 32 bytes; they are moved away
     * @param {Shape} shape
     * @param {AbortSignal} [signal] ends the work at once
     * @returns {Promise<Masks>}
     */
    sum(seeds: Uint8Array[], shape: Shape, signal?: AbortSignal): Promise<Masks>;
    /** End the workers and whatever they do; the pool is of no use after that. */
    close(): void;
    #private;
}
export type Shape = import("./mask_sum.js").Shape;
export type Masks = import("./mask_sum.js").Masks;
