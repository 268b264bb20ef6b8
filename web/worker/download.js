/** Loads the files that the worker needs, counting every byte. */

import { ADVICE, LoadError, reach, refused } from "../shared/reach.js";

/** No byte for so long: the connection is dead. Milliseconds. */
const STALL_LIMIT = 45_000;
/** How often the page hears how far it is, at most: pieces come by the hundred. Milliseconds. */
const REPORT_EVERY = 100;

/**
 * Files by their name in the manifest: `{ url, bytes }`, where `url` is relative to the manifest
 * and may carry a hash, and `bytes` is the size before HTTP compression.
 */
export class Downloads {
  #base;
  #files;
  #report;
  #loaded = 0;
  #total = 0;
  #reported = 0;
  #stall;
  /** Rejects as soon as one file cannot be had; never resolves. */
  failure;
  #fail;

  /**
   * @param {URL} base where the manifest is
   * @param {Record<string, { url: string, bytes: number }>} files
   * @param {(loaded: number, total: number) => void} report
   */
  constructor(base, files, report) {
    this.#base = base;
    this.#files = files;
    this.#report = report;
    this.failure = new Promise((_resolve, reject) => (this.#fail = reject));
    this.failure.catch(() => {}); // whoever races it sees it; alone it is no unhandled rejection
  }

  has(name) {
    return name in this.#files;
  }

  /** The one name that begins and ends so. */
  find(prefix, suffix) {
    const found = Object.keys(this.#files).find((n) => n.startsWith(prefix) && n.endsWith(suffix));
    if (!found) throw missing(`${prefix}*${suffix}`);
    return found;
  }

  url(name) {
    const file = this.#files[name];
    if (!file) throw missing(name);
    return new URL(file.url, this.#base).href;
  }

  /** Count these files in the total. @param {string[]} names */
  expect(names) {
    for (const name of names) this.#total += this.url(name) ? this.#files[name].bytes : 0;
    this.#count(0);
  }

  /**
   * The response itself, its body counted on a copy: browsers keep the machine code of WebAssembly
   * only with a response that is theirs, and a reload takes it from there.
   */
  async wasm(name) {
    const answer = await this.#guard(reach(this.url(name)));
    this.#guard(this.#follow(name, answer.clone()));
    const type = "application/wasm";
    if (answer.headers.get("content-type") === type) return answer;
    // Pyodide compiles a stream only under this type, whatever a static host calls the file.
    return new Response(answer.body, { headers: { "content-type": type } });
  }

  /** Count a body while somebody else reads the other copy. */
  async #follow(name, { body }) {
    const reader = body.getReader();
    try {
      for (let part; !(part = await reader.read()).done;) this.#count(part.value.length);
    } catch (cause) {
      throw broken(this.url(name), cause.message);
    }
  }

  /**
   * The whole body. An old-fashioned request, because it counts by itself and ends in one piece:
   * a stream would wake this thread for every 64 kB, while Python starts.
   * @returns {Promise<Uint8Array>}
   */
  bytes(name) {
    const url = this.url(name);
    const request = new XMLHttpRequest();
    let counted = 0;
    const count = (loaded) => {
      this.#count(loaded - counted);
      counted = loaded;
    };
    return this.#guard(new Promise((resolve, reject) => {
      request.open("GET", url);
      request.responseType = "arraybuffer";
      request.onprogress = ({ loaded }) => count(loaded);
      request.onerror = () => reject(broken(url, counted ? `${counted} bytes had come` : "network"));
      request.onload = () => {
        if (request.status !== 200) return reject(refused(url, request));
        count(request.response.byteLength);
        resolve(new Uint8Array(request.response));
      };
      request.send();
    }));
  }

  /** A module, counted when it is there: the browser does not show an import's bytes. */
  async module(name) {
    const url = this.url(name);
    const loaded = await this.#guard(import(url).catch((cause) => {
      throw new LoadError(`${url} could not be loaded as a module (${cause.message}). ${ADVICE}`);
    }));
    this.#count(this.#files[name].bytes);
    return loaded;
  }

  /** No more files will come: stop watching the clock. */
  close() {
    clearTimeout(this.#stall);
  }

  #count(bytes) {
    this.#loaded += bytes;
    const now = performance.now(), complete = this.#loaded >= this.#total;
    if (!complete && now - this.#reported < REPORT_EVERY) return;
    this.#reported = now;
    this.#report(this.#loaded, this.#total);
    clearTimeout(this.#stall);
    if (complete) return;
    const waited = STALL_LIMIT / 1000;
    this.#stall = setTimeout(() => this.#fail(new LoadError(
      `No byte arrived for ${waited} s (${this.#loaded} of ${this.#total}). ${ADVICE}`,
    )), STALL_LIMIT);
  }

  #guard(promise) {
    promise.catch(this.#fail);
    return promise;
  }
}

function broken(url, why) {
  return new LoadError(`Loading ${url} broke off (${why}). ${ADVICE}`);
}

function missing(name) {
  return new LoadError(
    `The server offers no file ${name}. Whoever runs it must run \`python web/fetch_vendor.py\`.`,
  );
}
