/**
 * Keeps one participant across reloads: a Web Lock, so that no two tabs are the same participant,
 * and a record in IndexedDB.
 */

import { Store } from "../shared/store.js";

/** A reloaded tab's old lock is free within a second; held longer, another tab has it. */
const OWN_LIMIT = 5000;

export class Keeper {
  #key;
  #store;
  #release;
  #warn;
  #owes = false;

  /**
   * Become the participant `keep.key`, and wait for that while another tab is it.
   * @param {import("../shared/messages.js").Keep} keep
   * @param {{ standby: () => void, moved: (key: string) => void, warn: (message: string) => void,
   *   signal: AbortSignal }} page `moved` tells the key of a tab that is a copy of another
   * @returns {Promise<Keeper | null>} null where this browser keeps nothing
   */
  static async open(keep, { standby, moved, warn, signal }) {
    let store;
    try {
      if (!navigator.locks) throw new Error("Web Locks need https or localhost");
      store = await Store.open();
      if (keep.prefix) await store.prune(keep.prefix, keep.age);
    } catch (error) {
      warn("Nothing is kept for a reload, because this browser does not let it " +
        `(${error.message}). This tab takes part; after a reload it joins as a new participant.`);
      return null;
    }
    const { fresh } = keep;
    const release = fresh ? await own(keep.key, signal) : await shared(keep.key, standby, signal);
    if (release || !fresh) return new Keeper(keep.key, store, release, warn);
    moved(fresh);
    return new Keeper(fresh, store, await lock(fresh, { signal }), warn);
  }

  constructor(key, store, release, warn) {
    this.#key = key;
    this.#store = store;
    this.#release = release;
    this.#warn = warn;
  }

  /** @returns {Promise<import("../shared/store.js").Saved & { progress?: Uint8Array } | undefined>}
   *   the participant as it was left */
  saved() {
    return this.#store.get(this.#key);
  }

  /**
   * Resolves when it is written.
   * @param {Uint8Array} snapshot
   * @param {boolean} owes it has a privacy budget; rejects, from now on, where nothing can be written
   */
  save(snapshot, owes) {
    this.#owes = owes;
    return this.#put(snapshot, true);
  }

  /** It was told to leave. @param {Uint8Array} snapshot */
  left(snapshot) {
    return this.#put(snapshot, false);
  }

  /** How far the message in the snapshot is sent. @param {Uint8Array} progress */
  advance(progress) {
    return this.#write((store) => store.advance(this.#key, { progress, at: Date.now() }));
  }

  #put(snapshot, running) {
    return this.#write((store) => store.put(this.#key, { snapshot, running, at: Date.now() }));
  }

  /** A full disk warns once, and the participant goes on, but never on credit. */
  async #write(work) {
    if (!this.#store) return;
    try {
      await work(this.#store);
    } catch (error) {
      if (this.#owes) throw new Error(unwritten(error));
      this.#warn(`Nothing more is kept for a reload, because the browser cannot write it down ` +
        `(${error.message}). This tab goes on; after a reload it joins as a new participant.`);
      await this.#forget();
    }
  }

  /** What is kept is older than the participant: nobody may go on as that. */
  async #forget() {
    const store = this.#store;
    this.#store = undefined;
    try {
      await store.delete(this.#key);
    } catch (error) {
      this.#warn(`What was kept before could not be deleted (${error.message}).`);
    }
    store.close();
  }

  /** Let another tab be this participant. */
  close() {
    this.#store?.close();
    this.#release();
  }
}

/** Many tabs may ask for this one: stand by until it is free. */
async function shared(key, standby, signal) {
  const release = await lock(key, { ifAvailable: true });
  if (release) return release;
  standby();
  return lock(key, { signal });
}

/** This tab's own; null if another one has it, of which this tab must be a copy. */
async function own(key, signal) {
  const limit = AbortSignal.timeout(OWN_LIMIT);
  try {
    return await lock(key, { signal: AbortSignal.any([signal, limit]) });
  } catch (error) {
    if (error !== limit.reason) throw error;
    return null;
  }
}

/**
 * @param {string} key @param {LockOptions} options
 * @returns {Promise<any>} what frees the lock; null if `ifAvailable` and it is not
 */
function lock(key, options) {
  return new Promise((resolve, reject) => {
    /** @param {Lock | null} granted @returns {Promise<void>} held until it resolves */
    const held = async (granted) => {
      if (!granted) return resolve(null);
      await new Promise((release) => resolve(release));
    };
    navigator.locks.request(`petal ${key}`, options, held).catch(reject);
  });
}

/** @param {Error} error */
function unwritten({ message }) {
  return "The browser cannot write down what is spent of the privacy budget " +
    `(${message}), so nothing more leaves this tab. Free some space, then start again.`;
}
