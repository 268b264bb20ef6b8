/** One WebAssembly instance that adds masks up. */

/**
 * @typedef {{ length: number, order: Uint8Array, limbs: number,
 *   unitOrder: Uint8Array, unitLimbs: number }} Shape
 *   Orders little-endian, as many bytes as each has; limbs are the 64-bit words of an element.
 *
 * @typedef {{ unit: Uint8Array, elements: Uint8Array }} Masks
 *   A sum of masks: uint64[unitLimbs] and uint64[length, limbs], little-endian.
 */

const SEED = 32;
const PAGE = 65536;
const ALIGN = 16;
/** The largest order has 268 bytes; mask.c has room for so many. */
const ORDER_ROOM = 288;
/** Another sum is added by pieces of so many bytes. */
const PIECE = 1 << 20;

export class MaskSum {
  #wasm;
  #shape;
  #unit;
  #elements;
  #piece;
  #end;

  /**
   * @param {WebAssembly.Module} module mask.wasm
   * @param {Shape} shape
   * RangeError if the memory that takes is not to be had.
   */
  constructor(module, shape) {
    this.#wasm = /** @type {any} */ (new WebAssembly.Instance(module).exports);
    this.#shape = shape;
    this.#unit = aligned(this.#wasm.__heap_base.value);
    this.#elements = aligned(this.#unit + 8 * shape.unitLimbs);
    this.#piece = aligned(this.#elements + 8 * shape.limbs * shape.length);
    this.#end = this.#piece + PIECE;
    this.#reserve();
  }

  /** Add the mask of a seed; the seed is overwritten. @param {Uint8Array} seed 32 bytes */
  add(seed) {
    const { length, order, limbs, unitOrder, unitLimbs } = this.#shape;
    if (seed.length !== SEED) throw new RangeError(`A seed has 32 bytes, not ${seed.length}`);
    const wasm = this.#wasm;
    this.#bytes().set(seed, wasm.seed_address());
    seed.fill(0);
    wasm.seek(0n);
    this.#use(unitOrder);
    wasm.draw(this.#unit, 1, unitOrder.length, unitLimbs);
    this.#use(order);
    wasm.draw(this.#elements, length, order.length, limbs);
    wasm.wipe();
  }

  /** Add another sum of the same shape. @param {Masks} other */
  merge({ unit, elements }) {
    const { order, limbs, unitOrder, unitLimbs } = this.#shape;
    this.#merge(this.#unit, unit, unitOrder, unitLimbs);
    this.#merge(this.#elements, elements, order, limbs);
  }

  /** The sum, which is then wiped from here. @returns {Masks} */
  take() {
    const bytes = this.#bytes();
    const { length, limbs, unitLimbs } = this.#shape;
    const unit = bytes.slice(this.#unit, this.#unit + 8 * unitLimbs);
    const elements = bytes.slice(this.#elements, this.#elements + 8 * limbs * length);
    bytes.fill(0, this.#unit, this.#end);
    return { unit, elements };
  }

  #merge(sum, other, order, limbs) {
    this.#use(order);
    const step = PIECE - (PIECE % (8 * limbs));
    for (let start = 0; start < other.length; start += step) {
      const part = other.subarray(start, start + step);
      this.#bytes().set(part, this.#piece);
      this.#wasm.add(sum + start, this.#piece, part.length / (8 * limbs), limbs);
    }
  }

  #use(order) {
    const address = this.#wasm.order_address();
    this.#bytes().fill(0, address, address + ORDER_ROOM).set(order, address);
  }

  #bytes() {
    return new Uint8Array(this.#wasm.memory.buffer);
  }

  #reserve() {
    const { memory } = this.#wasm;
    const missing = Math.ceil((this.#end - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
  }
}

function aligned(address) {
  return Math.ceil(address / ALIGN) * ALIGN;
}
