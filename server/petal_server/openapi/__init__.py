"""The HTTP API, described once: ``openapi.json`` for tools, a page made of it for people."""

import json
from importlib import resources

from petal_server.openapi.page import headers, render
from petal_server.published import Published

_TEXT = resources.files(__package__).joinpath("openapi.json").read_text(encoding="utf-8")
_PARSED = json.loads(_TEXT)

DOCUMENT = Published.of(_TEXT.encode(), "application/json")
PAGE = Published.of(render(_PARSED).encode(), "text/html; charset=utf-8")
PAGE_HEADERS = headers()

__all__ = ["DOCUMENT", "PAGE", "PAGE_HEADERS"]
