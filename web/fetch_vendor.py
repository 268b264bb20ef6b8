#!/usr/bin/env python3
"""Fill web/vendor with the third-party files that a tab runs, each checked before it is kept.

web/vendor.lock/files.json names every file with its size and SHA-256; package-lock.json beside
it pins the npm tarballs (SHA-512). Files that are already there and whole are not fetched again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from vendor_fill import fill
from vendor_make import make
from vendor_registries import Registries
from vendor_sources import Cdn, Entry, Mirror, Source, VendorError
from vendor_tools import Tools

WEB = Path(__file__).resolve().parent
LOCK = WEB / "vendor.lock"
MIRROR_VARIABLE = "PETAL_VENDOR_MIRROR"

HELP = f"""\
Fill web/vendor with Pyodide, numpy for Pyodide, libsodium.js and uPlot.

Each file is looked for in this order:
  mirror    the folder or http(s) address in {MIRROR_VARIABLE}, laid out as web/vendor is;
            a filled web/vendor is a mirror
  cdn       jsDelivr, which is Pyodide's CDN
  registry  npm and PyPI, through npm and pip
A source that is out of reach is passed over. A file with a wrong hash stops everything.

Of these files it makes what lets a tab start in half the time: zips of compiled modules, for
which it runs Pyodide under Node.js, and Zstandard. Where that fails, tabs do without.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        entries = load_entries()
        with tempfile.TemporaryDirectory(prefix="petal-vendor-") as scratch:
            tools = Tools(LOCK, Path(scratch))
            mirrors, others = _sources(options, tools)
            fill(options.into, entries, [*mirrors, *others])
            check_wheels(options.into, entries)
            make(options.into, tools, mirrors, may_compute=bool(others))
        shutil.copy(LOCK / "NOTICE.txt", options.into)
    except (VendorError, OSError) as error:
        print(f"\nfetch_vendor: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--into", type=Path, default=WEB / "vendor", metavar="DIR", help="default: web/vendor"
    )
    parser.add_argument(
        "--mirror",
        default=os.environ.get(MIRROR_VARIABLE) or None,
        metavar="ADDRESS",
        help=f"folder or http(s) address; default: {MIRROR_VARIABLE}",
    )
    parser.add_argument(
        "--only",
        choices=("mirror", "cdn", "registry"),
        help="use this one source and no other",
    )
    return parser


def _sources(options: argparse.Namespace, tools: Tools) -> tuple[list[Source], list[Source]]:
    """The mirror, if there is one, and the others; without those that --only rules out."""
    if options.only == "mirror" and not options.mirror:
        raise VendorError(f"--only mirror needs --mirror ADDRESS or {MIRROR_VARIABLE}.")
    mirrors = [Mirror(options.mirror)] if options.mirror else []
    return tuple(
        [source for source in sources if options.only in (None, source.kind)]
        for sources in (mirrors, [Cdn(), Registries(tools)])
    )


def load_entries() -> list[Entry]:
    """The files that belong in web/vendor, with the pinned version of each."""
    packages = json.loads((LOCK / "package-lock.json").read_text())["packages"]
    locked = json.loads((LOCK / "files.json").read_text())
    return [
        Entry(
            path=row["path"],
            size=row["size"],
            sha256=row["sha256"],
            package=row["npm"],
            version=packages[f"node_modules/{row['npm']}"]["version"],
            integrity=packages[f"node_modules/{row['npm']}"]["integrity"],
            member=row.get("member"),
            carrier=locked["wheels_also_in"],
        )
        for row in locked["files"]
    ]


def check_wheels(into: Path, entries: list[Entry]) -> None:
    """Hold our hashes of wheels to those in Pyodide's own lock file."""
    pyodide = json.loads((into / "pyodide/pyodide-lock.json").read_text())
    official = {row["file_name"]: row["sha256"] for row in pyodide["packages"].values()}
    for entry in entries:
        if entry.is_wheel and official.get(entry.path) != entry.sha256:
            raise VendorError(
                f"{entry.path}: web/vendor.lock/files.json says sha256 {entry.sha256}, but\n"
                f"Pyodide's lock file says {official.get(entry.path)}. Take the latter's file "
                "name\nand hash over into files.json."
            )


if __name__ == "__main__":
    sys.exit(main())
