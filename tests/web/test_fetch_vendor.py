"""web/fetch_vendor.py against real folders and sockets; only the faults are made up."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import fetch_vendor
import vendor_sources
from vendor_make import load_made
from vendor_pyc import PETAL
from vendor_registries import Registries
from vendor_sources import Cdn, Unavailable, Unreachable, VendorError
from vendor_tools import Tools

from .vendor_script import run

ENTRIES = fetch_vendor.load_entries()
MADE = [*itertools.chain(*load_made(fetch_vendor.LOCK))]
WASM = "pyodide/pyodide.asm.wasm"


def fill_from(mirror: object, into: Path) -> subprocess.CompletedProcess[str]:
    return run("--only", "mirror", "--into", into, PETAL_VENDOR_MIRROR=str(mirror))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def mirror(vendor: Path, tmp_path: Path) -> Path:
    """A mirror to spoil."""
    return shutil.copytree(vendor, tmp_path / "mirror")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """(address, paths asked for so far) of an HTTP server on a free port."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_folder_as_mirror(mirror: Path, tmp_path: Path) -> None:
    done = fill_from(mirror, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    # All but Petal's own modules, which no lock can pin: they change with every commit.
    (mirror / PETAL).unlink(missing_ok=True)
    assert contents(tmp_path / "out") == contents(mirror)


def test_http_mirror_and_a_second_run_that_fetches_nothing(vendor: Path, tmp_path: Path) -> None:
    with serving(vendor) as (address, asked):
        first = fill_from(address, tmp_path / "out")
        assert first.returncode == 0, first.stderr
        assert len(asked) == len(ENTRIES) + len(MADE)
        second = fill_from(address, tmp_path / "out")
    assert second.returncode == 0, second.stderr
    assert len(asked) == len(ENTRIES) + len(MADE)
    assert f"all {len(ENTRIES)} files are there and whole" in second.stdout


@pytest.mark.parametrize("over_http", [False, True])
@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b + b"!", lambda b: b"?" + b[1:]])
def test_tampered_file_stops_and_is_not_kept(
    mirror: Path, tmp_path: Path, spoil: object, over_http: bool
) -> None:
    (mirror / WASM).write_bytes(spoil((mirror / WASM).read_bytes()))
    with serving(mirror) as (address, _):
        done = fill_from(address if over_http else mirror, tmp_path / "out")
    expected = next(entry.sha256 for entry in ENTRIES if entry.path == WASM)
    assert done.returncode == 1
    assert f"{WASM} from the mirror" in done.stderr
    assert f"expected sha256 {expected}" in done.stderr
    assert "PETAL_VENDOR_MIRROR" in done.stderr
    assert "Traceback" not in done.stderr
    # What came before it was whole and is kept; of the file itself not even a part is.
    assert sorted(contents(tmp_path / "out")) == ["pyodide/pyodide.asm.mjs", "pyodide/pyodide.mjs"]


@pytest.mark.parametrize("over_http", [False, True])
def test_missing_file_is_named(mirror: Path, tmp_path: Path, over_http: bool) -> None:
    (mirror / WASM).unlink()
    with serving(mirror) as (address, _):
        done = fill_from(address if over_http else mirror, tmp_path / "out")
    assert done.returncode == 1
    assert f"no source has {WASM}" in done.stderr
    assert ("HTTP 404" if over_http else "No such file") in done.stderr
    assert WASM not in contents(tmp_path / "out")


def test_a_run_that_was_stopped_is_taken_up(mirror: Path, tmp_path: Path) -> None:
    whole = (mirror / WASM).read_bytes()
    (mirror / WASM).unlink()
    assert fill_from(mirror, tmp_path / "out").returncode == 1
    (mirror / WASM).write_bytes(whole)
    done = fill_from(mirror, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"fetching {len(ENTRIES) - 2} of {len(ENTRIES)} files" in done.stdout


def test_damaged_file_is_replaced(vendor: Path, mirror: Path, tmp_path: Path) -> None:
    (mirror / WASM).write_bytes(b"half a downlo")
    done = fill_from(vendor, mirror)
    assert done.returncode == 0, done.stderr
    assert f"{WASM} is damaged" in done.stdout
    assert (mirror / WASM).read_bytes() == (vendor / WASM).read_bytes()


def test_mirror_out_of_reach_says_so(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = fill_from(f"http://127.0.0.1:{unused.getsockname()[1]}", tmp_path / "out")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Check the network" in done.stderr


def test_only_mirror_without_an_address() -> None:
    done = run("--only", "mirror", PETAL_VENDOR_MIRROR="")
    assert done.returncode == 1
    assert "needs --mirror" in done.stderr


def test_help_names_the_variable() -> None:
    assert "PETAL_VENDOR_MIRROR" in run("--help").stdout


def test_cdn_layout(vendor: Path, tmp_path: Path) -> None:
    for entry in ENTRIES:
        published = tmp_path / vendor_sources._cdn_path(entry)
        published.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(vendor / entry.path, published)
    with serving(tmp_path) as (address, _):
        fetch_vendor.fill(tmp_path / "out", ENTRIES, [Cdn(address)])
    assert all((tmp_path / "out" / entry.path).is_file() for entry in ENTRIES)


def test_silent_cdn_is_given_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor_sources, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cdn = Cdn(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            cdn.read(ENTRIES[0])
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(Unreachable):
            cdn.read(ENTRIES[1])
        with pytest.raises(BlockingIOError):
            silent.accept()


def fake_npm(folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)


def test_tampered_tarball_of_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(tmp_path / "bin", "echo changed > pyodide-314.0.4.tgz")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(VendorError, match=r"pyodide-314\.0\.4\.tgz is not the file") as caught:
        Registries(Tools(fetch_vendor.LOCK, tmp_path)).read(ENTRIES[0])
    assert not isinstance(caught.value, Unavailable)
    assert ENTRIES[0].integrity in str(caught.value)


def test_failing_npm_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(tmp_path / "bin", "echo 'npm error code ENOTFOUND' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(Unavailable, match="npm error code ENOTFOUND"):
        Registries(Tools(fetch_vendor.LOCK, tmp_path)).read(ENTRIES[0])


def test_wheels_are_held_to_pyodides_own_lock_file(vendor: Path) -> None:
    fetch_vendor.check_wheels(vendor, ENTRIES)
    other = [replace(entry, sha256="0" * 64) for entry in ENTRIES]
    with pytest.raises(VendorError, match="Pyodide's lock file says 0cad9c1b"):
        fetch_vendor.check_wheels(vendor, other)


def test_package_json_and_the_lock_pin_the_same_versions() -> None:
    pinned = json.loads((fetch_vendor.LOCK / "package.json").read_text())["dependencies"]
    assert pinned == {entry.package: entry.version for entry in ENTRIES}
