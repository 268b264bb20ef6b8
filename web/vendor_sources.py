"""Where web/fetch_vendor.py looks for a file: a mirror, or Pyodide's CDN.

vendor_registries.py has the third source.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.error import HTTPError

CDN = "https://cdn.jsdelivr.net"
CONNECT_SECONDS = 4
STALL_SECONDS = 20


class VendorError(Exception):
    """A file could not be had, or is not the expected one; the message says what to do."""


class Unavailable(VendorError):
    """This source cannot give the file; another may."""


class Unreachable(Unavailable):
    """This source cannot give any file."""


@dataclass(frozen=True)
class Pinned:
    """A file of web/vendor and what it must be."""

    can_be_made: ClassVar[bool] = False
    path: str
    size: int
    sha256: str

    @property
    def read_limit(self) -> int:
        """What to read at most: one byte too many tells that it is another file."""
        return self.size + 1

    def accepts(self, data: bytes) -> bool:
        return hashlib.sha256(data).hexdigest() == self.sha256


@dataclass(frozen=True)
class Entry(Pinned):
    """A file that is fetched as it was published, and the npm package it belongs to.

    ``member`` is its path in that package; a wheel belongs to a Pyodide release but is in no
    npm package, and has none. ``carrier`` is the PyPI package with a copy of Pyodide's wheels.
    """

    package: str
    version: str
    integrity: str
    member: str | None
    carrier: dict[str, str]

    @property
    def is_wheel(self) -> bool:
        return self.member is None


@dataclass(frozen=True)
class Made(Pinned):
    """A file that is made of another one of web/vendor: a wrong copy is passed over."""

    can_be_made: ClassVar[bool] = True
    made_from: str


class Source(Protocol):
    """``advice`` says how to do without this source."""

    kind: ClassVar[str]
    advice: ClassVar[str]

    def read(self, entry: Pinned) -> bytes:
        """Bytes still to be checked, at most ``entry.read_limit``; raises Unavailable."""


class Mirror:
    kind = "mirror"
    advice = "name another mirror in PETAL_VENDOR_MIRROR, or unset it"

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def __str__(self) -> str:
        return f"the mirror {self.address}"

    def read(self, entry: Pinned) -> bytes:
        if self.address.startswith(("http://", "https://")):
            return download(f"{self.address}/{entry.path}", entry.read_limit)
        try:
            with (Path(self.address).expanduser() / entry.path).open("rb") as file:
                return file.read(entry.read_limit)
        except OSError as error:
            raise Unavailable(f"{error.strerror}: {error.filename}") from error


class Cdn:
    """jsDelivr, which carries npm's packages byte for byte, and Pyodide's wheels."""

    kind = "cdn"
    advice = "--only registry"

    def __init__(self, base: str = CDN) -> None:
        self.base = base
        self._down: Unreachable | None = None

    def __str__(self) -> str:
        return "Pyodide's CDN"

    def read(self, entry: Entry) -> bytes:
        if self._down:
            raise self._down
        try:
            return download(f"{self.base}/{_cdn_path(entry)}", entry.read_limit)
        except Unreachable as error:
            print(f"  {self} is out of reach: {error}", flush=True)
            self._down = error
            raise


def _cdn_path(entry: Entry) -> str:
    if entry.is_wheel:
        return f"pyodide/v{entry.version}/full/{entry.path}"
    return f"npm/{entry.package}@{entry.version}/{entry.member}"


def download(address: str, limit: int) -> bytes:
    """The body at ``address``, read no further than ``limit`` bytes; raises Unavailable."""
    try:
        with _open(address) as response:
            return response.read(limit)
    except HTTPError as error:
        error.close()
        raise Unavailable(f"HTTP {error.code} for {address}") from error
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{getattr(error, 'reason', error)}: {address}") from error


def _open(address: str) -> HTTPResponse:
    """Connect in a thread, because no time limit of urllib's covers a name server's silence."""
    answers: queue.Queue[HTTPResponse | OSError] = queue.Queue()
    threading.Thread(target=_connect, args=(address, answers.put), daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {CONNECT_SECONDS} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _connect(address: str, answer: Callable[[HTTPResponse | OSError], None]) -> None:
    try:
        answer(urllib.request.urlopen(address, timeout=STALL_SECONDS))
    except OSError as error:
        answer(error)
