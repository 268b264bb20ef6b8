// Runs vendor_pyc_compile.py in Pyodide, so that the .pyc fit the Python that tabs run:
//   node vendor_pyc.mjs PYODIDE_FOLDER JOBS.json
// Each job, { source, target, folder, leave_out, documented, tell_sources }, makes one zip of another.

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

// Node would print the line that threw, and Pyodide's lines are a megabyte long.
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

const [folder, jobs] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")));
const { info } = JSON.parse(readFileSync(join(folder, "pyodide-lock.json"), "utf8"));
const python = await loadPyodide({
  indexURL: folder,
  lockFileContents: { info, packages: {} }, // nothing is installed by name
  env: { HOME: "/", PYTHONHASHSEED: "0" },
});
python.runPython(readFileSync(new URL("vendor_pyc_compile.py", import.meta.url), "utf8"));
const compile = python.globals.get("compile_zip");
for (const { source, target, folder: place, leave_out, documented, tell_sources } of
  JSON.parse(readFileSync(jobs, "utf8"))) {
  const made = compile.callKwargs({
    source: new Uint8Array(readFileSync(source)), folder: place, leave_out, documented, tell_sources,
  });
  writeFileSync(target, made.toJs());
}
process.exit(0); // Pyodide leaves handles open
