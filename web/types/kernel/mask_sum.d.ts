export class MaskSum {
    /**
     * @param {WebAssembly.Module} module mask.wasm
     * @param {Shape} shape
     * RangeError if the memory that takes is not to be had.
     */
    constructor(module: WebAssembly.Module, shape: Shape);
    /** Add the mask of a seed; the seed is overwritten. @param {Uint8Array} seed 32 bytes */
    add(seed: Uint8Array): void;
    /** Add another sum of the same shape. @param {Masks} other */
    merge({ unit, elements }: Masks): void;
    /** The sum, which is then wiped from here. @returns {Masks} */
    take(): Masks;
    #private;
}
/**
 * Orders little-endian, as many bytes as each has; limbs are the 64-bit words of an element.
 */
export type Shape = {
    length: number;
    order: Uint8Array;
    limbs: number;
    unitOrder: Uint8Array;
    unitLimbs: number;
};
/**
 * A sum of masks: uint64[unitLimbs] and uint64[length, limbs], little-endian.
 */
export type Masks = {
    unit: Uint8Array;
    elements: Uint8Array;
};
