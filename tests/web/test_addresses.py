"""Addresses that change with the content, of what the page and the worker load."""

import json
import posixpath
import re

import pytest

from .served import WEB, Client, manifest_of, vendor_of

_NAMED = re.compile(r'(?:href|src)="(petal/[^"]+)"')
_EARLY = re.compile(r'<link rel="modulepreload" href="(petal/[^"]+)">')
_IMPORT = re.compile(r'^(?:import|export)[^;"]*"(\.[^"]+)"', re.MULTILINE)


@pytest.fixture(scope="module")
def client():
    return Client(WEB)


def test_the_manifest_names_hashed_addresses_and_true_sizes(client):
    manifest = client.get("/petal/manifest.json", **{"accept-encoding": "identity"})
    files = json.loads(manifest.raw)["files"]
    assert {"petal-py.zip", "vendor/pyodide/pyodide.asm.wasm"} <= set(files)
    for name, file in files.items():
        answer = client.get(f"/petal/{file['url']}", **{"accept-encoding": "identity"})
        assert "immutable" in answer.headers["cache-control"]
        assert len(answer.raw) == file["bytes"]
        if name.startswith("vendor/"):
            assert answer.raw == (WEB / name).read_bytes()


def test_hashed_addresses_change_with_the_content(tmp_path):
    def addresses(wasm: bytes) -> dict[str, str]:
        vendor_of(tmp_path, wasm)
        return {name: file["url"] for name, file in manifest_of(tmp_path).items()}

    one, two = addresses(b"one"), addresses(b"two")
    assert one["vendor/numpy-2-any.whl"] != two["vendor/numpy-2-any.whl"]
    assert one["petal-py.zip"] == two["petal-py.zip"]


def test_all_that_the_page_loads_may_be_kept_for_good(client):
    named = _NAMED.findall(client.text("/"))
    assert any(address.endswith("/demo/style.css") for address in named)
    for address in named:
        assert re.match(r"petal/@[0-9a-f]{16}/", address)
        assert "immutable" in client.get(f"/{address}").headers["cache-control"]


def test_the_page_names_every_script_early(client):
    """A script that only another one names would have to wait for it."""
    early = _EARLY.findall(client.text("/"))
    for address in early:
        for other in _IMPORT.findall(client.text(f"/{address}")):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(address), other)) in early
    for script in ("demo/demo.js", "petal.js", "worker/main.js", "worker/boot.js"):
        assert any(address.endswith(f"/{script}") for address in early)


def test_the_manifest_beside_the_page_leads_to_the_same_files(client):
    folder = _NAMED.findall(client.text("/"))[0].split("/")[1]
    plain, beside = (
        json.loads(client.text(f"/petal/{where}manifest.json"))["files"]
        for where in ("", f"{folder}/")
    )
    assert beside == {name: {**file, "url": f"../{file['url']}"} for name, file in plain.items()}


def test_the_page_changes_its_addresses_when_a_script_changes(tmp_path):
    def folder(script: str) -> str:
        vendor_of(tmp_path)
        (tmp_path / "demo/index.html").write_text('<img src="petal/demo/icon.svg"></head>')
        (tmp_path / "demo/demo.js").write_text(script)
        return _NAMED.findall(Client(tmp_path).text("/"))[0]

    assert folder("one") == folder("one") != folder("two")
