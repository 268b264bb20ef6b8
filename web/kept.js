/** Which record of this browser is a participant's, and what the page may do with it. */

import { Store } from "./shared/store.js";

/** What a closed tab left is forgotten after a week. Milliseconds. */
const AGE = 7 * 24 * 3600 * 1000;
const TAB = "petal.tab";

export class Kept {
  #scope;
  #name;

  /** @param {string} coordinator @param {string | true} persist a name, or true: this tab's own */
  constructor(coordinator, persist) {
    this.#scope = persist === true ? `tab ${coordinator} ` : `name ${coordinator} `;
    this.#name = persist === true ? null : persist;
  }

  /** @returns {import("./shared/messages.js").Keep} */
  keep() {
    if (this.#name !== null) return { key: this.#scope + this.#name };
    const prefix = this.#scope;
    return { key: prefix + ownName(), fresh: prefix + draw(), prefix, age: AGE };
  }

  /** This tab is a copy of another one, name included: it goes by a name of its own from now on. */
  moved(key) {
    rename(key.slice(this.#scope.length));
  }

  /** Whether it was cut off while taking part; false where this browser keeps nothing. */
  async interrupted() {
    return (await this.#use((store, key) => store.get(key)))?.running === true;
  }

  async forget() {
    await this.#use((store, key) => store.delete(key));
  }

  async #use(work) {
    let store;
    try {
      store = await Store.open();
    } catch {
      return undefined; // nothing can be kept here, so nothing is; `start` warns of it
    }
    try {
      return await work(store, this.keep().key);
    } finally {
      store.close();
    }
  }
}

/** The name that this tab goes by: a reload keeps it, a new tab has none yet. */
function ownName() {
  return storage()?.getItem(TAB) ?? rename(draw());
}

function rename(name) {
  storage()?.setItem(TAB, name);
  return name;
}

function draw() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** Null where the browser denies storage; the worker then finds IndexedDB denied, and says so. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
