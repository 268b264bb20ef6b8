/**
 * libsodium's C functions as functions of byte arrays.
 *
 * The author's own WebAssembly build is called directly; its 120 kB wrapper, which imports a bare
 * module name no browser resolves, is left out. Sizes are checked by the caller (petal.crypto).
 * What goes in and out lies in one region of libsodium's heap and is wiped after the call, so that
 * keys do not stay behind in a heap that never shrinks.
 */

/** Key stream bytes made by one call; `stream` asks for at most so many. */
export const STREAM_CHUNK = 1 << 20;

const SIGN_SECRET = 64;
const SIGNATURE = 64;
const KEY = 32;
const BOX_MAC = 16;
const SEAL = 48;

/** @param {(options: object) => Promise<any>} factory the default export of libsodium-sumo.mjs */
export async function openSodium(factory) {
  const sodium = await factory({ getRandomValue });
  if (sodium._sodium_init() < 0) throw new Error("libsodium could not be initialised");
  return new Sodium(sodium);
}

function getRandomValue() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

class Sodium {
  #c;
  #pages;

  constructor(c) {
    this.#c = c;
  }

  /** @returns {Uint8Array} public key (32) and secret key (64), joined */
  signSeedKeypair(seed) {
    return this.#run([seed], KEY + SIGN_SECRET, (out, s) =>
      this.#c._crypto_sign_seed_keypair(out, out + KEY, s));
  }

  signDetached(message, secret) {
    return this.#run([message, secret], SIGNATURE, (out, m, sk) =>
      this.#c._crypto_sign_detached(out, 0, m, message.length, 0, sk));
  }

  /** @returns {boolean} whether the signature is the key's on the message */
  verifyDetached(signature, message, publicKey) {
    return this.#run([signature, message, publicKey], 0, (_out, s, m, pk) =>
      this.#c._crypto_sign_verify_detached(s, m, message.length, 0, pk)) !== null;
  }

  /** @returns {Uint8Array} public key (32) and secret key (32), joined */
  boxSeedKeypair(seed) {
    return this.#run([seed], 2 * KEY, (out, s) =>
      this.#c._crypto_box_seed_keypair(out, out + KEY, s));
  }

  scalarmultBase(secret) {
    return this.#run([secret], KEY, (out, s) => this.#c._crypto_scalarmult_base(out, s));
  }

  box(message, nonce, publicKey, secret) {
    return this.#run([message, nonce, publicKey, secret], message.length + BOX_MAC,
      (out, m, n, pk, sk) => this.#c._crypto_box_easy(out, m, message.length, 0, n, pk, sk));
  }

  /** @returns {Uint8Array | null} the plaintext, or null if the box is not for this key */
  sealOpen(sealed, publicKey, secret) {
    return this.#run([sealed, publicKey, secret], sealed.length - SEAL, (out, c, pk, sk) =>
      this.#c._crypto_box_seal_open(out, c, sealed.length, 0, pk, sk));
  }

  /**
   * ChaCha20 key stream (64-bit counter, zero nonce) from 64-byte block `block` on.
   * @param {Uint8Array} key @param {number} block @param {number} length up to STREAM_CHUNK
   * @returns {Uint8Array} a view into libsodium's heap, good until the next call
   */
  stream(key, block, length) {
    const { zeros, out, key: k } = (this.#pages ??= this.#allocatePages());
    this.#c.HEAPU8.set(key, k);
    const [low, high] = [block % 2 ** 32, Math.floor(block / 2 ** 32)];
    this.#c._crypto_stream_chacha20_xor_ic(out, zeros, length, 0, zeros, low, high, k);
    this.#c.HEAPU8.fill(0, k, k + KEY);
    return this.#c.HEAPU8.subarray(out, out + length);
  }

  #allocatePages() {
    const zeros = this.#allocate(2 * STREAM_CHUNK + KEY);
    this.#c.HEAPU8.fill(0, zeros, zeros + STREAM_CHUNK);
    return { zeros, out: zeros + STREAM_CHUNK, key: zeros + 2 * STREAM_CHUNK };
  }

  #allocate(size) {
    const address = this.#c._malloc(size);
    if (!address) throw new RangeError(`libsodium has no room for ${size} bytes`);
    return address;
  }

  /** Copy inputs in, call, copy the output out; null if the call returns other than 0. */
  #run(inputs, outLength, call) {
    const size = outLength + inputs.reduce((sum, input) => sum + input.length, 0);
    const region = this.#allocate(size);
    try {
      let end = region + outLength;
      const addresses = inputs.map((input) => {
        this.#c.HEAPU8.set(input, end);
        return (end += input.length) - input.length;
      });
      const failed = call(region, ...addresses);
      return failed ? null : this.#c.HEAPU8.slice(region, region + outLength);
    } finally {
      this.#c.HEAPU8.fill(0, region, region + size);
      this.#c._free(region);
    }
  }
}
