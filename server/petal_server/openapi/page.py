"""The description as a page: no script, nothing from elsewhere, and a policy that says so."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem;
  color: CanvasText; background: Canvas; color-scheme: light dark; }
h2 { margin-top: 2.5rem; text-transform: capitalize; }
article { border-top: 1px solid GrayText; padding: .5rem 0; }
h3 { font-size: 1rem; margin: .5rem 0; }
code { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0; font-weight: normal; }
"""

Object = Mapping[str, Any]


def headers() -> dict[str, str]:
    """The page's security headers: only its own style sheet applies."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}


def render(document: Object) -> str:
    """The whole page."""
    info = document["info"]
    groups = "".join(_group(document, tag) for tag in document["tags"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>{_text(info['description'])}</p>"
        f'<p><a href="openapi.json">The same for tools</a></p>{groups}</body></html>\n'
    )


def _group(document: Object, tag: Object) -> str:
    calls = "".join(
        _call(document, method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if tag["name"] in operation["tags"]
    )
    return f"<h2>{escape(tag['name'])}</h2><p>{_text(tag['description'])}</p>{calls}"


def _call(document: Object, method: str, path: str, operation: Object) -> str:
    described = f"<p>{_text(operation['description'])}</p>" if "description" in operation else ""
    return (
        f"<article><h3><code>{method.upper()} {escape(path)}</code> {_text(operation['summary'])}"
        f"</h3>{described}{_table(_parameters(document, operation))}"
        f"{_table(_responses(document, operation))}</article>"
    )


def _parameters(document: Object, operation: Object) -> Iterator[tuple[str, str]]:
    for given in operation.get("parameters", ()):
        parameter = _resolve(document, given)
        yield f"{parameter['in']} {parameter['name']}", parameter.get("description", "")


def _responses(document: Object, operation: Object) -> Iterator[tuple[str, str]]:
    for status, given in operation["responses"].items():
        response = _resolve(document, given)
        types = ", ".join(f"`{media_type}`" for media_type in response.get("content", ()))
        yield status, f"{response['description']} {types}"


def _table(rows: Iterator[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}<td>{_text(text)}" for name, text in rows)
    return f"<table>{cells}</table>" if cells else ""


def _resolve(document: Object, given: Object) -> Object:
    """What a reference inside the document leads to; anything else as it is."""
    if "$ref" not in given:
        return given
    found = document
    for part in given["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _text(text: str) -> str:
    """Escaped, with `code` in back quotes."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
