/**
 * Participants at rest, in this origin's IndexedDB: what a reload takes up again.
 *
 * A record holds secret keys. Other origins cannot read it, scripts of this origin can.
 *
 * @typedef {{ snapshot: Uint8Array, running: boolean, at: number }} Saved
 *   `running`: it was not told to leave. `at` is when, in milliseconds since 1970.
 * @typedef {{ progress: Uint8Array, at: number }} Progress
 *   how far the message in the snapshot is sent: a record of its own, because a snapshot may be
 *   megabytes and a message hundreds of parts
 */

const DATABASE = "petal";
const PARTICIPANTS = "participants";
/** Some browsers never answer where storage is off. Milliseconds. */
const OPEN_LIMIT = 10_000;
/** The key of a participant's progress, from the participant's own; both begin alike. */
const progressOf = (/** @type {string} */ key) => `${key} progress`;

export class Store {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** Rejects with the reason where this browser keeps nothing (private mode, a foreign frame). */
  static async open() {
    if (!globalThis.indexedDB) throw new Error("it has no IndexedDB");
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(PARTICIPANTS);
    const late = new Promise((_resolve, reject) =>
      setTimeout(() => reject(new Error("IndexedDB does not answer")), OPEN_LIMIT));
    return new Store(await Promise.race([settled(request), late]));
  }

  /** @param {string} key @returns {Promise<Saved & { progress?: Uint8Array } | undefined>} */
  async get(key) {
    const store = this.#store("readonly");
    const found = [store.get(key), store.get(progressOf(key))].map(settled);
    const [saved, since] = await Promise.all(found);
    return saved && { ...saved, progress: since?.progress };
  }

  /** Resolves when it is written. @param {string} key @param {Saved} saved */
  put(key, saved) {
    const store = this.#store("readwrite");
    store.put(saved, key);
    store.delete(progressOf(key)); // what was sent since is in it
    return completed(store.transaction);
  }

  /** Resolves when it is written. @param {string} key @param {Progress} since the last `put` */
  advance(key, since) {
    const store = this.#store("readwrite");
    store.put(since, progressOf(key));
    return completed(store.transaction);
  }

  /** @param {string} key */
  delete(key) {
    const store = this.#store("readwrite");
    store.delete(key);
    store.delete(progressOf(key));
    return completed(store.transaction);
  }

  /** Forget what begins with `prefix` and is older than `age` milliseconds. */
  async prune(prefix, age) {
    const store = this.#store("readwrite");
    const cursors = store.openCursor(IDBKeyRange.bound(prefix, `${prefix}\uffff`));
    cursors.onsuccess = () => {
      const cursor = cursors.result;
      if (!cursor) return;
      if (Date.now() - cursor.value.at > age) cursor.delete();
      cursor.continue();
    };
    await completed(store.transaction);
  }

  close() {
    this.#database.close();
  }

  /** @param {IDBTransactionMode} mode */
  #store(mode) {
    return this.#database.transaction(PARTICIPANTS, mode).objectStore(PARTICIPANTS);
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
