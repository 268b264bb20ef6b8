"""Brings files into web/vendor, each held to what web/vendor.lock pins."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vendor_sources import Pinned, Source, Unavailable, VendorError

ADVICE = """\
Check the network, then run this again; what was fetched is kept. Or copy web/vendor
from a machine that has it and name that folder: PETAL_VENDOR_MIRROR=/path/to/vendor"""


class Nowhere(VendorError):
    """No source has the file."""


def fill(into: Path, entries: Sequence[Pinned], sources: Sequence[Source]) -> None:
    """Bring every entry that is missing or damaged under ``into``.

    Raises VendorError, with nothing half-written, when a file is tampered with or nowhere to be
    had. Files that were already checked stay, so the next run goes on from there.
    """
    wanted = missing(into, entries)
    if not wanted:
        print(f"{into}: all {len(entries)} files are there and whole.")
        return
    megabytes = sum(entry.size for entry in wanted) / 1e6
    print(f"{into}: fetching {len(wanted)} of {len(entries)} files, {megabytes:.1f} MB", flush=True)
    bring(into, wanted, sources)


def bring(into: Path, wanted: Sequence[Pinned], sources: Sequence[Source]) -> None:
    """Bring every entry, and tell each."""
    for number, entry in enumerate(wanted, 1):
        data, origin = _find(entry, sources)
        write(into / entry.path, data)
        where = f"[{number}/{len(wanted)}] {entry.path}"
        print(f"  {where}  {len(data) / 1e6:.2f} MB  from {origin}", flush=True)


def missing(into: Path, entries: Sequence[Pinned]) -> list[Pinned]:
    """The entries whose files are not there, or are others."""
    return [entry for entry in entries if not _is_whole(into / entry.path, entry)]


def _is_whole(path: Path, entry: Pinned) -> bool:
    if not path.is_file():
        return False
    whole = entry.accepts(path.read_bytes())
    if not whole:
        print(f"{path} is damaged or of another version; it will be replaced.")
    return whole


def _find(entry: Pinned, sources: Sequence[Source]) -> tuple[bytes, str]:
    refusals = []
    for source in sources:
        try:
            data = source.read(entry)
            _check(entry, data, source)
        except Unavailable as reason:
            refusals.append(f"  {source}: {reason}")
            continue
        return data, str(source)
    raise Nowhere("\n".join((f"no source has {entry.path}.", *refusals, ADVICE)))


def _check(entry: Pinned, data: bytes, source: Source) -> None:
    if entry.accepts(data):
        return
    got = hashlib.sha256(data).hexdigest()
    if entry.can_be_made:
        raise Unavailable(f"not the pinned file: {len(data)} bytes, sha256 {got}")
    raise VendorError(
        f"{entry.path} from {source} is not the file that web/vendor.lock pins.\n"
        f"  expected sha256 {entry.sha256}, {entry.size} bytes\n"
        f"  got      sha256 {got}, {len(data)} bytes\n"
        "The file was not kept. The download broke off or was changed on the way: run this\n"
        f"again, and if it stays so, use another source ({source.advice})."
    )


def write(path: Path, data: bytes) -> None:
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
