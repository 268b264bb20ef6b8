#!/usr/bin/env python3
"""Fill web/vendor with the third-party files that a tab runs, each checked before it is kept.

web/vendor.lock/files.json names every file with its size and SHA-256; package-lock.json beside
it pins the npm tarballs (SHA-512). Files that are already there and whole are not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from vendor_registries import Registries
from vendor_sources import Cdn, Entry, Mirror, Source, Unavailable, VendorError

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
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        entries = load_entries()
        with tempfile.TemporaryDirectory(prefix="petal-vendor-") as scratch:
            fill(options.into, entries, _sources(options, Path(scratch)))
        check_wheels(options.into, entries)
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


def _sources(options: argparse.Namespace, scratch: Path) -> list[Source]:
    if options.only == "mirror" and not options.mirror:
        raise VendorError(f"--only mirror needs --mirror ADDRESS or {MIRROR_VARIABLE}.")
    sources: list[Source] = [Mirror(options.mirror)] if options.mirror else []
    sources += [Cdn(), Registries(LOCK, scratch)]
    return [source for source in sources if options.only in (None, source.kind)]


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
            replace=tuple(row.get("replace", ())),
            carrier=locked["wheels_also_in"],
        )
        for row in locked["files"]
    ]


def fill(into: Path, entries: list[Entry], sources: list[Source]) -> None:
    """Bring every entry that is missing or damaged under ``into``.

    Raises VendorError, with nothing half-written, when a file is tampered with or nowhere to be
    had. Files that were already checked stay, so the next run goes on from there.
    """
    missing = [entry for entry in entries if not _is_whole(into / entry.path, entry)]
    if not missing:
        print(f"{into}: all {len(entries)} files are there and whole.")
        return
    megabytes = sum(entry.size for entry in missing) / 1e6
    print(
        f"{into}: fetching {len(missing)} of {len(entries)} files, {megabytes:.1f} MB", flush=True
    )
    for number, entry in enumerate(missing, 1):
        data, origin = _find(entry, sources)
        _write(into / entry.path, data)
        where = f"[{number}/{len(missing)}] {entry.path}"
        print(f"  {where}  {len(data) / 1e6:.2f} MB  from {origin}", flush=True)


def _is_whole(path: Path, entry: Entry) -> bool:
    if not path.is_file():
        return False
    whole = hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
    if not whole:
        print(f"{path} is damaged or of another version; it will be replaced.")
    return whole


def _find(entry: Entry, sources: list[Source]) -> tuple[bytes, str]:
    refusals = []
    for source in sources:
        try:
            data = source.read(entry)
        except Unavailable as reason:
            refusals.append(f"  {source}: {reason}")
            continue
        _check(entry, data, source)
        return data, str(source)
    raise VendorError(
        f"no source has {entry.path}.\n" + "\n".join(refusals) + "\n"
        "Check the network, then run this again; what was fetched is kept. Or copy web/vendor\n"
        f"from a machine that has it and name that folder: {MIRROR_VARIABLE}=/path/to/vendor"
    )


def _check(entry: Entry, data: bytes, source: Source) -> None:
    got = hashlib.sha256(data).hexdigest()
    if got != entry.sha256:
        raise VendorError(
            f"{entry.path} from {source} is not the file that web/vendor.lock pins.\n"
            f"  expected sha256 {entry.sha256}, {entry.size} bytes\n"
            f"  got      sha256 {got}, {len(data)} bytes\n"
            "The file was not kept. The download broke off or was changed on the way: run this\n"
            f"again, and if it stays so, use another source ({source.advice})."
        )


def _write(path: Path, data: bytes) -> None:
    """Write all or nothing: a reader, or a run that was killed, never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


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
