"""Addresses that change with the content, so that a browser keeps what it has without asking.

All that the page loads gets a second address in a folder `@HASH/`. Scripts find each other by
relative address, so one script of that folder brings the others from there, the worker's as well.
What is large has a hash of its own, and stays in the browser when only a script changed.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from petal_server.asset import FOREVER, Asset

PAGE = "demo/index.html"
ARCHIVE = "petal-py.zip"
MANIFEST = "manifest.json"
_SCRIPTS = ("demo/demo.js", "worker/main.js")
_IMPORT = re.compile(rb'^(?:import|export)\b[^;"]*"(\.{1,2}/[^"]+)"', re.MULTILINE)
_OF_THE_BUNDLE = re.compile(rb'\b(href|src)="petal/')
_HEAD_ENDS = b"</head>"


def add_addresses(assets: dict[str, Asset]) -> None:
    """Add to `assets` (path under `/petal/` to asset) the manifest and the lasting addresses."""
    stable = dict(assets)
    files = {}
    for name, address, asset in _large(stable):
        assets[address] = replace(asset, cache=FOREVER)
        files[name] = {"url": address, "bytes": len(asset.body)}
    stable[MANIFEST] = assets[MANIFEST] = _manifest(files, "")
    folder = f"@{_digest(stable)}"
    beside = stable | {MANIFEST: _manifest(files, "../")}
    assets |= {f"{folder}/{name}": replace(a, cache=FOREVER) for name, a in beside.items()}
    assets[PAGE] = replace(stable[PAGE], body=_page(stable, folder), digest="")


def _manifest(files: dict[str, dict], up: str) -> Asset:
    there = {name: {**file, "url": up + file["url"]} for name, file in files.items()}
    return Asset(MANIFEST, json.dumps({"files": there}).encode())


def _page(assets: dict[str, Asset], folder: str) -> bytes:
    """The page with lasting addresses; what its scripts import is named, to come all at once."""
    page = _OF_THE_BUNDLE.sub(rb'\1="petal/%b/' % folder.encode(), assets[PAGE].body)
    early = "".join(
        f'  <link rel="modulepreload" href="petal/{folder}/{name}">\n'
        for name in _imported(assets, [name for name in _SCRIPTS if name in assets])
    )
    return page.replace(_HEAD_ENDS, early.encode() + _HEAD_ENDS, 1)


def _imported(assets: dict[str, Asset], names: list[str]) -> list[str]:
    """These scripts and all that they import, each once, nearest first."""
    found = list(names)
    for name in found:
        for address in _IMPORT.findall(assets[name].body):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), address.decode()))
            if other not in found:
                found.append(other)
    return found


def _large(assets: dict[str, Asset]) -> Iterator[tuple[str, str, Asset]]:
    """(name, address, asset) for what the worker loads by the manifest.

    The vendor folder moves as one, because Pyodide's files find each other by relative address.
    """
    vendor = {name: asset for name, asset in assets.items() if name.startswith("vendor/")}
    version = _digest(vendor)
    for name, asset in vendor.items():
        yield name, name.replace("vendor/", f"vendor/@{version}/", 1), asset
    archive = assets[ARCHIVE]
    yield ARCHIVE, f"@{archive.digest[:16]}/{ARCHIVE}", archive


def _digest(assets: dict[str, Asset]) -> str:
    joined = "".join(f"{name}:{assets[name].digest}" for name in sorted(assets))
    return hashlib.sha256(joined.encode()).hexdigest()[:16]
