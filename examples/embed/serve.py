#!/usr/bin/env python3
"""Serve the example from an origin of its own, as any static host would, under a strict policy."""

import argparse
import http.server
from pathlib import Path

HERE = Path(__file__).resolve().parent
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "style-src 'self'; connect-src 'self' {coordinator}; base-uri 'none'; form-action 'none'"
)


def handler(folder: Path, coordinator: str) -> type[http.server.SimpleHTTPRequestHandler]:
    """Answers from `folder`; the page may talk to its own origin and the coordinator alone."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def end_headers(self):
            self.send_header("content-security-policy", POLICY.format(coordinator=coordinator))
            self.send_header("x-content-type-options", "nosniff")
            super().end_headers()

        def log_message(self, *_):
            """Say nothing of each request."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coordinator", default="http://127.0.0.1:8081", metavar="ORIGIN")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, help="another example's")
    options = parser.parse_args()
    bundle = options.folder / "petal"
    if not (bundle / "petal.js").is_file():
        parser.exit(2, f"The bundle is missing. Write it with: petal bundle {bundle}\n")
    at = ("127.0.0.1", options.port)
    with http.server.ThreadingHTTPServer(
        at, handler(options.folder, options.coordinator)
    ) as server:
        page = f"http://127.0.0.1:{server.server_port}"
        print(f"Open {page}/?coordinator={options.coordinator}")
        print(f"The coordinator must admit it: PETAL__API__CORS__ALLOW_ORIGINS={page}")
        server.serve_forever()


if __name__ == "__main__":
    main()
