"""Zips of compiled modules for web/vendor/pyc: a tab that compiles Python starts twice as slowly.

Only Pyodide's own Python makes .pyc that Pyodide takes, so Node.js runs it (vendor_pyc.mjs). The
same input gives the same bytes. web/vendor.lock/pyc.json says what is left out, and why.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from functools import cached_property
from pathlib import Path

from vendor_sources import Made
from vendor_tools import Tools

WEB = Path(__file__).resolve().parent
PACKAGE = WEB.parent / "py" / "petal"
PETAL = "pyc/petal.zip"
# Where a tab puts each, and tracebacks find it.
FOLDERS = {
    "pyc/python_stdlib.zip": "/lib/python314.zip",
    "pyc/numpy.zip": "/lib/python3.14/site-packages",
    PETAL: "/lib/petal-py.zip",
}
# Modules that keep their docstrings, if not all do. A tab has no help() to show those of the
# standard library; Pyodide and numpy read some of their own as they start.
DOCUMENTED = {"pyc/python_stdlib.zip": ["_pyodide/*", "pyodide/*"]}
LIMIT = 180  # seconds


class Compiler:
    """Makes all zips at the first question, as a start of Pyodide costs more than they do."""

    kind = "compiler"
    advice = f"a mirror with web/vendor/{next(iter(FOLDERS))}"

    def __init__(self, tools: Tools, vendor: Path, entries: list[Made]) -> None:
        self.tools = tools
        self.vendor = vendor
        self.entries = entries

    def __str__(self) -> str:
        return "Pyodide under Node.js"

    def read(self, entry: Made) -> bytes:
        return self._made[entry.path]

    @cached_property
    def _made(self) -> dict[str, bytes]:
        left_out = json.loads((self.tools.lock / "pyc.json").read_text())
        sources = {entry.path: self.vendor / entry.made_from for entry in self.entries}
        return compile_zips(
            self.tools,
            self.vendor,
            [_job(path, of, left_out[Path(path).name]) for path, of in sources.items()],
        )


def _job(path: str, source: Path, leave_out: dict[str, str] | None) -> dict:
    return {
        "path": path,
        "source": str(source),
        "folder": FOLDERS[path],
        "leave_out": list(leave_out or ()),
        "documented": DOCUMENTED.get(path, ["*"]),
        "tell_sources": leave_out is None,
    }


def compile_zips(tools: Tools, vendor: Path, jobs: list[dict]) -> dict[str, bytes]:
    """The zips by their path; raises Unavailable where Node.js cannot be had or fails."""
    for number, job in enumerate(jobs):
        job["target"] = str(tools.scratch / f"pyc-{number}.zip")
    work = tools.scratch / "pyc.json"
    work.write_text(json.dumps(jobs))
    script = str(WEB / "vendor_pyc.mjs")
    tools.run([*tools.node, script, str((vendor / "pyodide").resolve()), str(work)], LIMIT)
    return {job["path"]: Path(job["target"]).read_bytes() for job in jobs}


def petal_zip(tools: Tools, vendor: Path) -> bytes | None:
    """The petal package, compiled; None if the one in ``vendor`` is of the same sources.

    The server takes from it what fits its own sources, so an old one does no harm.
    """
    sources = {
        f"petal/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    if _sources_of(vendor / PETAL) == {
        name: hashlib.sha256(data).hexdigest() for name, data in sources.items()
    }:
        return None
    given = tools.scratch / "petal.zip"
    with zipfile.ZipFile(given, "w") as archive:
        for name, data in sources.items():
            archive.writestr(name, data)
    return compile_zips(tools, vendor, [_job(PETAL, given, None)])[PETAL]


def _sources_of(made: Path) -> dict[str, str] | None:
    """What a zip says it was made of: SHA-256 by path; None if there is no such zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(made.read_bytes())) as archive:
            return json.loads(archive.read("sources.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError):
        return None


def worth_compiling(tools: Tools, vendor: Path) -> bool:
    """Petal is compiled anew with the Node.js at hand; only a first time is worth fetching it."""
    return PACKAGE.is_dir() and (tools.has_node or not (vendor / PETAL).is_file())
