"""Serves the page, the bundle and the Python that runs in the browser.

Everything is read once at start and kept in memory (about 40 MB), so no request touches the disk
and no path from the network is ever joined to a folder: an address is looked up whole.
"""

import asyncio
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from petal_server.addresses import ARCHIVE, PAGE, add_addresses
from petal_server.archive import python_archive
from petal_server.asset import Asset

MIME_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".npz": "application/octet-stream",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".whl": "application/zip",
    ".zip": "application/zip",
}

# What fetch_vendor.py makes of fetched files, where it could.
COMPILED_PETAL = "vendor/pyc/petal.zip"
COMPILED = {
    "vendor/pyc/python_stdlib.zip": "vendor/pyodide/python_stdlib.zip",
    "vendor/pyc/numpy.zip": "vendor/numpy-*.whl",
}
FOLDERS = ("demo", "kernel", "shared", "vendor", "worker")
NEEDED = ("pyodide/pyodide.mjs", "pyodide/pyodide.asm.wasm", "libsodium/libsodium-sumo.mjs")


class AssetsError(Exception):
    """The files of the page are not there; the message says what to run."""


def asset_routes(web_dir: Path, *, connect: Sequence[str] = ()) -> list[BaseRoute]:
    """The routes of the page at `/` and the bundle under `/petal/`; mount them last.

    `web_dir` is the repository's `web` folder. `connect` names the origins, besides its own, that
    the page may talk to (`https://fl.example.org`): coordinators other than the one serving it.
    AssetsError if a file that the page needs is missing.
    """
    assets = load_assets(web_dir)
    headers = security_headers(connect)

    async def page(request: Request) -> Response:
        return await respond(request, assets[PAGE], headers)

    async def bundle(request: Request) -> Response:
        asset = assets.get(request.path_params["path"])
        if asset is None:
            return Response("There is no such file.\n", 404, headers, "text/plain")
        return await respond(request, asset, headers)

    return [Route("/", page), Route("/petal/{path:path}", bundle)]


def load_assets(web_dir: Path) -> dict[str, Asset]:
    """Every file by its path under `/petal/`, the archive and the manifest included."""
    check_vendor(web_dir)
    assets = {name: _asset(name, path) for name, path in _files(web_dir)}
    for compiled, stock in COMPILED.items():
        if compiled in assets:
            assets = {name: assets[name] for name in assets if not fnmatchcase(name, stock)}
    assets[ARCHIVE] = Asset(ARCHIVE, python_archive(web_dir / COMPILED_PETAL))
    add_addresses(assets)
    return assets


def check_vendor(web_dir: Path) -> None:
    """AssetsError unless `web_dir` holds the page and what fetch_vendor.py brings."""
    if not (web_dir / PAGE).is_file():
        raise AssetsError(
            f"{web_dir} does not hold the page ({PAGE} is missing). It is no part of the installed "
            "package: name the folder web/ of a checkout (web.folder among the settings, --web of "
            "`petal bundle`), or install the checkout with: pip install --editable ."
        )
    vendor = web_dir / "vendor"
    missing = [name for name in NEEDED if not (vendor / name).is_file()]
    if not list(vendor.glob("numpy-*.whl")):
        missing.append("numpy-*.whl")
    if missing:
        raise AssetsError(
            f"{vendor} lacks {', '.join(missing)}, which the browser needs. "
            f"Fetch them with: python {web_dir / 'fetch_vendor.py'}"
        )


def security_headers(connect: Sequence[str] = ()) -> dict[str, str]:
    """On the page and on the worker's script alike: a worker obeys its own response's policy."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "worker-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": " ".join(["'self'", *connect]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


async def respond(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    """The asset, or 304 where the browser has it."""
    encoding = asset.encoding(request.headers.get("accept-encoding", ""))
    etag = f'"{asset.digest}{encoding and f"-{encoding}"}"'
    headers = {**headers, "etag": etag, "cache-control": asset.cache, "vary": "accept-encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    body = asset.zstd if encoding == "zstd" else asset.body
    if encoding == "gzip":
        quick = asset.quick_to_zip
        body = asset.gzipped() if quick else await asyncio.to_thread(asset.gzipped)
    return Response(body, headers=headers, media_type=MIME_TYPES[asset.suffix])


def _files(web_dir: Path) -> Iterator[tuple[str, Path]]:
    """What of `web_dir` is for browsers: top-level modules and the folders named above."""
    yield from ((path.name, path) for path in web_dir.glob("*.js"))
    for folder in FOLDERS:
        for path in (web_dir / folder).rglob("*"):
            name = path.relative_to(web_dir).as_posix()
            served = path.suffix in MIME_TYPES and "/." not in name and name != COMPILED_PETAL
            if served and path.is_file():
                yield name, path


def _asset(name: str, path: Path) -> Asset:
    """The file, and its Zstandard form where fetch_vendor.py has put one beside it."""
    zstd = path.with_name(f"{path.name}.zst")
    return Asset(name, path.read_bytes(), zstd=zstd.read_bytes() if zstd.is_file() else None)
