"""Brotli beside the large files of web/vendor, as `NAME.br`: a fifth less to load than gzip.

It takes seconds a megabyte, hence once, here, and not for each visitor. The library is pinned, so
its bytes are too; where a processor rounds otherwise and they come out different, they are checked
by unpacking them, and remembered in `.brotli.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vendor_sources import Made
from vendor_tools import Tools

# Quality 11 takes half as long again and spares 3 percent more.
COMPRESS = """
import brotli, pathlib, sys
data = pathlib.Path(sys.argv[1]).read_bytes()
made = brotli.compress(data, quality=10, lgwin=24)
if brotli.decompress(made) != data:
    sys.exit("what was compressed does not unpack to the same bytes")
pathlib.Path(sys.argv[2]).write_bytes(made)
"""
LIMIT = 900  # seconds


@dataclass(frozen=True)
class Compressed(Made):
    """`accepts` what is pinned, or what this machine made of the same file."""

    vendor: Path

    def accepts(self, data: bytes) -> bool:
        return super().accepts(data) or _remembered(self.vendor).get(self.path) == self.facts(data)

    def facts(self, data: bytes) -> list[str]:
        """By which bytes that are not the pinned ones are known again."""
        return [self.sha256, hashlib.sha256(data).hexdigest()]


class Brotli:
    """Compresses as many files at once as there are processors."""

    kind = "compressor"
    advice = "a mirror that has it"

    def __init__(self, tools: Tools, vendor: Path, entries: list[Compressed]) -> None:
        self.tools = tools
        self.vendor = vendor
        self.entries = entries

    def __str__(self) -> str:
        return "brotli"

    def read(self, entry: Compressed) -> bytes:
        data = self._jobs[entry.path].result()
        if not entry.accepts(data):
            _remember(entry, data)
        return data

    @cached_property
    def _jobs(self) -> dict[str, Future[bytes]]:
        self.tools.install("brotli.txt")
        pool = ThreadPoolExecutor(os.cpu_count())
        return {entry.path: pool.submit(self._compress, entry) for entry in self.entries}

    def _compress(self, entry: Compressed) -> bytes:
        source = (self.vendor / entry.made_from).resolve()
        target = self.tools.scratch / entry.path.replace("/", "-")
        self.tools.run([sys.executable, "-c", COMPRESS, str(source), str(target)], LIMIT)
        return target.read_bytes()


def _record(vendor: Path) -> Path:
    return vendor / ".brotli.json"


def _remembered(vendor: Path) -> dict[str, list[str]]:
    record = _record(vendor)
    return json.loads(record.read_text()) if record.is_file() else {}


def _remember(entry: Compressed, data: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest()
    print(f"  {entry.path} came out otherwise than pinned: {len(data)} bytes, sha256 {digest}")
    known = _remembered(entry.vendor) | {entry.path: entry.facts(data)}
    _record(entry.vendor).write_text(json.dumps(known))
