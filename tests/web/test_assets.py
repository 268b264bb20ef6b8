"""What the server sends for the page and the bundle, and what it refuses."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import zipfile

import pytest

from petal_server.assets import AssetsError, asset_routes, python_archive

from .served import WEB, Client, manifest_of, vendor_of


@pytest.fixture(scope="module")
def client():
    return Client(WEB, connect=["https://fl.example.org"])


@pytest.mark.parametrize(
    ("path", "mime"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/petal/petal.js", "text/javascript; charset=utf-8"),
        ("/petal/worker/main.js", "text/javascript; charset=utf-8"),
        ("/petal/vendor/pyodide/pyodide.mjs", "text/javascript; charset=utf-8"),
        ("/petal/vendor/pyodide/pyodide.asm.wasm", "application/wasm"),
        ("/petal/petal-py.zip", "application/zip"),
        ("/petal/manifest.json", "application/json"),
        ("/petal/demo/style.css", "text/css; charset=utf-8"),
        ("/petal/demo/tasks/digits/digits.py", "text/x-python; charset=utf-8"),
    ],
)
def test_mime_types(client, path, mime):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == mime


@pytest.mark.parametrize("path", ["/", "/petal/worker/main.js", "/petal/no-such-file"])
def test_security_headers_are_everywhere(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "connect-src 'self' https://fl.example.org" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_an_unchanged_file_costs_a_304(client):
    first = client.get("/petal/petal.js")
    again = client.get("/petal/petal.js", **{"if-none-match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert again.status_code == 304
    assert not again.raw
    other = client.get("/petal/petal.js", **{"if-none-match": '"another"'})
    assert other.status_code == 200


def test_gzip_only_for_who_asks(client):
    plain = client.get("/petal/petal.js", **{"accept-encoding": "identity"})
    zipped = client.get("/petal/petal.js", **{"accept-encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["vary"] == "accept-encoding"
    assert zipped.headers["etag"] != plain.headers["etag"]
    assert gzip.decompress(zipped.raw) == plain.raw == (WEB / "petal.js").read_bytes()


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "zstd"),
        ("gzip, zstd;q=0", "gzip"),
        ("gzip", "gzip"),
        ("zstandard", None),
        ("", None),
    ],
)
def test_zstandard_where_it_was_made_and_is_taken(tmp_path, accepted, encoding):
    wasm = vendor_of(tmp_path, wasm=b"\0asm" * 1000) / "pyodide/pyodide.asm.wasm"
    wasm.with_name("pyodide.asm.wasm.zst").write_bytes(b"made by zstd")
    client = Client(tmp_path)
    answer = client.get("/petal/vendor/pyodide/pyodide.asm.wasm", **{"accept-encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"] == "application/wasm"
    assert (answer.raw == b"made by zstd") == (encoding == "zstd")
    again = {"accept-encoding": accepted, "if-none-match": answer.headers["etag"]}
    assert client.get("/petal/vendor/pyodide/pyodide.asm.wasm", **again).status_code == 304
    assert client.get("/petal/vendor/pyodide/pyodide.asm.wasm.zst").status_code == 404


def test_compiled_modules_take_the_place_of_what_they_are_made_of(tmp_path):
    vendor = vendor_of(tmp_path)
    stock = {"vendor/pyodide/python_stdlib.zip", "vendor/numpy-2-any.whl"}
    assert stock <= set(manifest_of(tmp_path))
    (vendor / "pyc").mkdir()
    for name in ("python_stdlib", "numpy"):
        (vendor / "pyc" / f"{name}.zip").write_bytes(b"x")
    files = set(manifest_of(tmp_path))
    assert {"vendor/pyc/python_stdlib.zip", "vendor/pyc/numpy.zip"} <= files
    assert not files & stock


@pytest.mark.parametrize(
    "path",
    [
        "/petal/../README.md",
        "/petal/%2e%2e/README.md",
        "/petal/..%2f..%2fetc%2fpasswd",
        "/petal//etc/passwd",
        "/petal/vendor/../fetch_vendor.py",
        "/petal/fetch_vendor.py",
        "/petal/vendor.lock/files.json",
        "/petal/demo",
        "/petal/",
        "/petal/worker/main.js%00.html",
    ],
)
def test_nothing_outside_the_bundle_is_served(client, path):
    assert client.get(path).status_code == 404


def test_the_archive_takes_compiled_modules_of_the_same_source_only(tmp_path):
    source = (WEB.parent / "py/petal/round.py").read_bytes()
    of = {"petal/round.py": hashlib.sha256(source).hexdigest(), "petal/errors.py": "0" * 64}
    compiled = tmp_path / "petal.zip"
    with zipfile.ZipFile(compiled, "w") as made:
        for name, data in (("petal/round.pyc", b"round"), ("petal/errors.pyc", b"old errors")):
            made.writestr(name, data)
        made.writestr("sources.json", json.dumps(of))
    with zipfile.ZipFile(io.BytesIO(python_archive(compiled))) as archive:
        assert archive.read("petal/round.py") == source
        assert [name for name in archive.namelist() if name.endswith("c")] == ["petal/round.pyc"]
        assert archive.read("petal/round.pyc") == b"round"


def test_the_archive_is_the_package_and_nothing_else():
    with zipfile.ZipFile(io.BytesIO(python_archive())) as archive:
        names = archive.namelist()
        package = WEB.parent / "py" / "petal"
        assert "petal/mask/orders.json" in names
        assert names == sorted(names)
        for name in names:
            assert archive.read(name) == (package / name.removeprefix("petal/")).read_bytes()


def test_the_archive_is_the_same_in_every_process():
    code = "import hashlib; from petal_server.assets import python_archive as a; "
    code += "print(hashlib.sha256(a()).hexdigest())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == hashlib.sha256(python_archive()).hexdigest()


def test_missing_files_name_the_command(tmp_path):
    with pytest.raises(AssetsError, match=r"index\.html"):
        asset_routes(tmp_path)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "index.html").write_text("page")
    with pytest.raises(AssetsError, match=r"pyodide\.asm\.wasm.*numpy.*python .*fetch_vendor\.py"):
        asset_routes(tmp_path)
