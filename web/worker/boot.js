/** From nothing to a Python with numpy, libsodium and petal in it. */

import { LoadError } from "../shared/reach.js";
import { Downloads } from "./download.js";
import { openSodium } from "./sodium.js";
import { unzip } from "./unzip.js";

/** Once everything is downloaded, Python starts within this time or not at all. Milliseconds. */
const START_LIMIT = 90_000;

const PYODIDE = "vendor/pyodide/";
const WASM = `${PYODIDE}pyodide.asm.wasm`;
/** Zips of compiled modules, where fetch_vendor.py could make them; else what they are made of. */
const STDLIB = "vendor/pyc/python_stdlib.zip";
const STOCK_STDLIB = `${PYODIDE}python_stdlib.zip`;
const NUMPY = "vendor/pyc/numpy.zip";
const LOADER = `${PYODIDE}pyodide.mjs`;
const MODULE = `${PYODIDE}pyodide.asm.mjs`;
const SODIUM = "vendor/libsodium/libsodium-sumo.mjs";
const PETAL = "petal-py.zip";

/** Where the archive of py/petal is put; Python imports from it as it is. */
const ARCHIVE = "/lib/petal-py.zip";
const SITE_PACKAGES = "/lib/python3.14/site-packages";

/**
 * @param {URL} base the folder of petal.js
 * @param {Record<string, { url: string, bytes: number }>} manifest its files
 * @param {(step: import("../shared/messages.js").LoadStep, loaded: number, total: number) => void}
 *   report
 * @returns the Pyodide interpreter and libsodium
 */
export async function boot(base, manifest, report) {
  /** @type {[number, number]} */
  let last = [0, 0];
  const files = new Downloads(base, manifest, (...bytes) => report("download", ...(last = bytes)));
  const stdlib = files.has(STDLIB) ? STDLIB : STOCK_STDLIB;
  const numpy = files.has(NUMPY) ? NUMPY : files.find("vendor/numpy-", ".whl");
  files.expect([WASM, stdlib, LOADER, MODULE, SODIUM, PETAL, numpy]);
  const started = start(files, stdlib); // asks for the largest first
  const packed = files.bytes(numpy);
  const archive = files.bytes(PETAL);
  const sodium = files.module(SODIUM).then(({ default: factory }) => openSodium(factory));
  for (const early of [packed, archive, sodium]) early.catch(() => {}); // files.failure tells it
  try {
    const pyodide = await Promise.race([started, files.failure]);
    report("python", ...last);
    if (numpy === NUMPY) unzip(pyodide.FS, await packed, SITE_PACKAGES);
    else pyodide.unpackArchive(await packed, "wheel");
    pyodide.FS.writeFile(ARCHIVE, await archive);
    report("petal", ...last);
    return { pyodide, archive: ARCHIVE, sodium: await sodium };
  } finally {
    files.close();
  }
}

async function start(files, stdlib) {
  const library = files.bytes(stdlib).then((bytes) => new Response(bytes));
  const streams = new Map([[files.url(WASM), files.wasm(WASM)], [files.url(stdlib), library]]);
  for (const stream of streams.values()) stream.catch(() => {}); // files.failure tells it
  const [{ loadPyodide }] = await Promise.all([files.module(LOADER), files.module(MODULE)]);
  return withFetch(streams, () => limit(START_LIMIT, loadPyodide({
    indexURL: new URL(".", files.url(LOADER)).href,
    stdLibURL: files.url(stdlib),
    // No package is ever installed by name, so the 110 kB lock file need not be fetched.
    lockFileContents: { info: LOCK_INFO, packages: {} },
  })));
}

const LOCK_INFO = {
  abi_version: "2026_0", arch: "wasm32", platform: "emscripten_5_0_3", python: "3.14.0",
};

/** Run `work` with a `fetch` that hands out downloads already under way (Pyodide asks for two). */
async function withFetch(streams, work) {
  const original = globalThis.fetch;
  globalThis.fetch = (input, options) =>
    streams.get(input instanceof Request ? input.url : String(input)) ?? original(input, options);
  try {
    return await work();
  } finally {
    globalThis.fetch = original;
  }
}

/** loadPyodide never settles if the wasm does not compile, so it gets a time limit. */
function limit(milliseconds, promise) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new LoadError(
      `Python did not start within ${milliseconds / 1000} s. Reload the page; if it happens again, ` +
      "the browser is too old, or the server's copy of pyodide.asm.wasm is damaged.",
    )), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
