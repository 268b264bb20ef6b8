"""What web/fetch_vendor.py makes of the files it fetched, so that a tab starts in half the time."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from vendor_fill import Nowhere, bring, missing, write
from vendor_pyc import PETAL, Compiler, petal_zip, worth_compiling
from vendor_sources import Made, Pinned, Source, Unavailable
from vendor_tools import Tools
from vendor_zstd import Zstandard

SLOWER = {
    "compiled": "Tabs compile Python themselves, and take twice as long to start.",
    "zstd": "Browsers get gzip instead, a quarter more to load.",
}


def make(into: Path, tools: Tools, mirrors: Sequence[Source], *, may_compute: bool) -> None:
    """Take from a mirror, or make, what web/vendor.lock/files.json pins beside fetched files.

    Where something can neither be had nor made, says so and goes on: everything works without.
    """
    compiled, compressed = load_made(tools.lock)
    for what, entries, maker in (
        ("compiled", compiled, Compiler),
        ("zstd", compressed, Zstandard),
    ):
        wanted = missing(into, [entry for entry in entries if (into / entry.made_from).is_file()])
        makers = [maker(tools, into, wanted)] if may_compute else []
        _bring_or_go_on(into, wanted, [*mirrors, *makers], SLOWER[what])
    if may_compute and worth_compiling(tools, into):
        _compile_petal(into, tools)


def _bring_or_go_on(
    into: Path, wanted: Sequence[Pinned], sources: Sequence[Source], slower: str
) -> None:
    for entry in wanted:
        (into / entry.path).unlink(missing_ok=True)  # better none than one of other sources
    if not wanted:
        return
    print(f"{into}: making {len(wanted)} files that tabs start faster with", flush=True)
    try:
        bring(into, wanted, sources)
    except Nowhere as reason:
        print(f"\nfetch_vendor goes on without them: {reason}\n{slower}", file=sys.stderr)


def _compile_petal(into: Path, tools: Tools) -> None:
    try:
        made = petal_zip(tools, into)
    except Unavailable as reason:
        print(f"\nfetch_vendor leaves Petal's own modules to tabs: {reason}", file=sys.stderr)
        return
    if made is not None:
        write(into / PETAL, made)
        print(f"  {PETAL}  {len(made) / 1e6:.2f} MB  from Pyodide under Node.js", flush=True)


def load_made(lock: Path) -> tuple[list[Made], list[Made]]:
    locked = json.loads((lock / "files.json").read_text())
    return tuple([Made(**row) for row in locked[kind]] for kind in ("compiled", "zstd"))
