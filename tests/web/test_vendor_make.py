"""What web/fetch_vendor.py makes: zips of compiled modules, Zstandard. Node.js runs for real."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import shutil
import time
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import fetch_vendor
import vendor_pyc
from petal_server.assets import load_assets
from vendor_make import load_made
from vendor_pyc import FOLDERS, PETAL
from vendor_pyc_compile import without_docstrings
from vendor_sources import Made, Unavailable
from vendor_tools import Tools
from vendor_zstd import Zstandard

from .vendor_script import run

LOCK = fetch_vendor.LOCK
COMPILED, COMPRESSED = load_made(LOCK)
MAGIC_3_14 = (3627).to_bytes(2, "little") + b"\r\n"


@pytest.fixture
def stock(vendor: Path, tmp_path: Path) -> Path:
    """A mirror from before modules were compiled."""
    return shutil.copytree(vendor, tmp_path / "stock", ignore=shutil.ignore_patterns("pyc"))


def test_compiling_gives_the_pinned_bytes(stock: Path, vendor: Path, tmp_path: Path) -> None:
    shutil.copytree(vendor / "pyc", stock / "pyc", ignore=shutil.ignore_patterns("*.zip"))
    done = run("--into", tmp_path / "out", "--mirror", stock)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.count("from Pyodide under Node.js") == len(FOLDERS)
    for entry in COMPILED:
        made = (tmp_path / "out" / entry.path).read_bytes()
        assert made == (vendor / entry.path).read_bytes()


@pytest.mark.parametrize("entry", COMPILED, ids=lambda entry: entry.path)
def test_a_zip_is_stored_and_of_the_one_python_that_takes_it(vendor: Path, entry) -> None:
    with zipfile.ZipFile(vendor / entry.path) as made:
        names = made.namelist()
        assert names == sorted(names, key=lambda name: name.replace(".pyc", ".py"))
        for info in made.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            if info.filename.endswith(".pyc"):
                head = made.read(info)[:8]
                assert head == MAGIC_3_14 + b"\x01\x00\x00\x00"  # by hash, unchecked


@pytest.mark.parametrize("entry", COMPILED, ids=lambda entry: entry.path)
def test_every_module_is_compiled_or_left_out_for_a_reason(vendor: Path, entry) -> None:
    left_out = json.loads((LOCK / "pyc.json").read_text())[Path(entry.path).name]
    with (
        zipfile.ZipFile(vendor / entry.made_from) as stock,
        zipfile.ZipFile(vendor / entry.path) as made,
    ):
        code = [name for name in stock.namelist() if name.endswith((".py", ".so"))]
        there = set(made.namelist())
    gone = {name for name in code if name.replace(".py", ".pyc") not in there}
    for pattern, reason in left_out.items():
        assert reason
        assert any(fnmatchcase(name, pattern) for name in gone), pattern
    assert all(any(fnmatchcase(name, pattern) for pattern in left_out) for name in gone)


def test_docstrings_go_and_nothing_else_does() -> None:
    source = """
'''A module.'''
'a string on its own, which must not become its docstring'
from __future__ import annotations
class Kind:
    '''A class.'''
    def check(self):
        '''A method.'''
        assert self.kind, 'a kind'
def nothing():
    '''Only a docstring.'''
"""
    left = """from __future__ import annotations

class Kind:

    def check(self):
        assert self.kind, 'a kind'

def nothing():
    pass"""
    assert ast.unparse(without_docstrings(ast.parse(source))) == left


def test_numpys_licences_go_with_it(vendor: Path) -> None:
    with (
        zipfile.ZipFile(next(vendor.glob("numpy-*.whl"))) as wheel,
        zipfile.ZipFile(vendor / "pyc/numpy.zip") as made,
    ):
        licences = {name for name in wheel.namelist() if ".dist-info/licenses/" in name}
        assert licences
        assert licences <= set(made.namelist())


def test_a_failing_node_leaves_the_stock_files_and_says_so(stock: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "node").write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo v24.0.0 && exit\necho "no memory left"; exit 1\n'
    )
    (programs / "node").chmod(0o755)
    web = tmp_path / "web"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = run("--into", web / "vendor", "--mirror", stock, PATH=path)
    assert done.returncode == 0
    assert "no memory left" in done.stderr
    assert "twice as long to start" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (web / "vendor/pyc").exists()
    (web / "demo").mkdir()
    (web / "demo/index.html").write_text("page")
    assert {"vendor/pyodide/python_stdlib.zip", f"vendor/{_numpy(stock)}"} <= set(load_assets(web))


def _numpy(vendor: Path) -> str:
    return next(vendor.glob("numpy-*.whl")).name


def test_a_mirror_alone_needs_neither_node_nor_pip(stock: Path, tmp_path: Path) -> None:
    done = run("--only", "mirror", "--into", tmp_path / "out", "--mirror", stock)
    assert done.returncode == 0
    assert "no source has pyc/python_stdlib.zip" in done.stderr
    assert (tmp_path / "out/pyodide/pyodide.asm.wasm.zst").is_file()


def test_a_damaged_zip_is_replaced_and_never_left_in_place(
    stock: Path, vendor: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(vendor, tmp_path / "out")
    (out / "pyc/numpy.zip").write_bytes(b"half a zi")
    (stock / "pyc").mkdir()
    (stock / "pyc/numpy.zip").write_bytes(b"another zip")
    without = run("--only", "mirror", "--into", out, "--mirror", stock)
    assert without.returncode == 0
    assert "not the pinned file: 11 bytes" in without.stderr
    assert not (out / "pyc/numpy.zip").exists()
    done = run("--only", "mirror", "--into", out, "--mirror", vendor)
    assert done.returncode == 0
    assert (out / "pyc/numpy.zip").read_bytes() == (vendor / "pyc/numpy.zip").read_bytes()


def test_petals_modules_are_compiled_again_when_they_change(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "py" / "petal"
    package.mkdir(parents=True)
    monkeypatch.setattr(vendor_pyc, "PACKAGE", package)
    for source in (b"answer = 42\n", b"answer = 43\n"):
        (package / "__init__.py").write_bytes(source)
        made = vendor_pyc.petal_zip(Tools(LOCK, tmp_path), stock)
        with zipfile.ZipFile(io.BytesIO(made)) as archive:
            assert archive.namelist() == ["petal/__init__.pyc", "sources.json"]
            told = json.loads(archive.read("sources.json"))
        assert told == {"petal/__init__.py": hashlib.sha256(source).hexdigest()}
        (stock / "pyc").mkdir(exist_ok=True)
        (stock / PETAL).write_bytes(made)
        assert vendor_pyc.petal_zip(Tools(LOCK, tmp_path), stock) is None


def test_a_program_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    beats = tmp_path / "beats"
    child = f"while :; do echo >> {beats}; sleep 0.05; done"
    with pytest.raises(Unavailable, match=r"sh -c .* was stopped: not done within 1 s"):
        Tools(LOCK, tmp_path).run(["sh", "-c", f"({child}) & wait"], 1)
    last = beats.stat().st_size
    assert last > 1
    time.sleep(0.5)
    assert beats.stat().st_size <= last + 1  # one may have been under way


@pytest.mark.parametrize("entry", COMPRESSED, ids=lambda entry: entry.path)
def test_zstandard_is_whole_and_smaller(vendor: Path, entry: Made) -> None:
    made = (vendor / entry.path).read_bytes()
    assert entry.accepts(made)
    assert len(made) < 0.4 * (vendor / entry.made_from).stat().st_size


def test_compressing_gives_the_pinned_bytes(vendor: Path, tmp_path: Path) -> None:
    """Fetches the pinned library, as a first `make vendor` does."""
    entry = min(COMPRESSED, key=lambda entry: entry.size)
    made = Zstandard(Tools(LOCK, tmp_path), vendor, [entry]).read(entry)
    assert entry.accepts(made)
    assert made[:4] == b"\x28\xb5\x2f\xfd"
