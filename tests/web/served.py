"""What the server serves of a web folder, asked in this process."""

import asyncio
import json
from pathlib import Path

import httpx
from starlette.applications import Starlette

from petal_server.assets import asset_routes

WEB = Path(__file__).parents[2] / "web"


class Client:
    """Asks an application in this process, one request at a time."""

    def __init__(self, web_dir: Path, **options):
        app = Starlette(routes=asset_routes(web_dir, **options))
        self._transport = httpx.ASGITransport(app)

    def text(self, path: str) -> str:
        return self.get(path, **{"accept-encoding": "identity"}).raw.decode()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """The answer; its `raw` is the body as it went over the wire."""

        async def ask() -> httpx.Response:
            async with (
                httpx.AsyncClient(transport=self._transport, base_url="http://server") as client,
                client.stream("GET", path, headers=headers) as answer,
            ):
                answer.raw = b"".join([part async for part in answer.aiter_raw()])
                return answer

        return asyncio.run(ask())


def vendor_of(web: Path, wasm: bytes = b"x") -> Path:
    """The least of a web folder that can be served; its vendor folder."""
    vendor = web / "vendor"
    for path in (
        web / "demo/index.html",
        vendor / "libsodium/libsodium-sumo.mjs",
        vendor / "pyodide/pyodide.mjs",
        vendor / "pyodide/python_stdlib.zip",
        vendor / "numpy-2-any.whl",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (vendor / "pyodide/pyodide.asm.wasm").write_bytes(wasm)
    return vendor


def manifest_of(web: Path) -> dict[str, dict]:
    manifest = Client(web).get("/petal/manifest.json", **{"accept-encoding": "identity"})
    return json.loads(manifest.raw)["files"]
