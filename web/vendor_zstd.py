"""Zstandard beside the large files of web/vendor, as `NAME.zst`: over a fifth smaller than gzip.

It takes half a second a megabyte, hence once, here, and not for each visitor. Brotli would spare
another 3 percent on the way, and a browser takes three times as long to unpack it, at each reload.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from vendor_sources import Made
from vendor_tools import Tools

# Browsers refuse a window above 2^23 (RFC 9659). The library is pinned, so its bytes are too.
COMPRESS = """
import pathlib, sys, zstandard
how = zstandard.ZstdCompressionParameters.from_level(19, window_log=23)
data = pathlib.Path(sys.argv[1]).read_bytes()
pathlib.Path(sys.argv[2]).write_bytes(zstandard.ZstdCompressor(compression_params=how).compress(data))
"""
LIMIT = 900  # seconds


class Zstandard:
    """Compresses as many files at once as there are processors."""

    kind = "compressor"
    advice = "a mirror that has it"

    def __init__(self, tools: Tools, vendor: Path, entries: list[Made]) -> None:
        self.tools = tools
        self.vendor = vendor
        self.entries = entries

    def __str__(self) -> str:
        return "zstandard"

    def read(self, entry: Made) -> bytes:
        return self._jobs[entry.path].result()

    @cached_property
    def _jobs(self) -> dict[str, Future[bytes]]:
        self.tools.install("zstandard.txt")
        pool = ThreadPoolExecutor(os.cpu_count())
        return {entry.path: pool.submit(self._compress, entry) for entry in self.entries}

    def _compress(self, entry: Made) -> bytes:
        source = (self.vendor / entry.made_from).resolve()
        target = self.tools.scratch / entry.path.replace("/", "-")
        self.tools.run([sys.executable, "-c", COMPRESS, str(source), str(target)], LIMIT)
        return target.read_bytes()
