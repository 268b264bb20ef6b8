"""The petal package as the zip that a tab's Python imports from."""

import hashlib
import importlib.resources
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path


def python_archive(compiled: Path | None = None) -> bytes:
    """The package, and beside each module what `compiled` has of it; same files, same bytes.

    `compiled` is the zip that web/fetch_vendor.py makes (web/vendor/pyc/petal.zip): a .pyc of each
    module, which spares a tab the compiling, and `sources.json`, by which those of other sources
    are left out. Sources stay in for tracebacks. Stored, not deflated: HTTP compresses it better,
    and importing need not inflate.
    """
    sources = _sources()
    files = sources | _compiled(compiled, sources)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return out.getvalue()


def _sources() -> dict[str, bytes]:
    root = importlib.resources.files("petal")
    with importlib.resources.as_file(root) as folder:
        return {
            f"petal/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in folder.rglob("*")
            if path.suffix in (".py", ".json")
        }


def _compiled(path: Path | None, sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The .pyc that were made of these very sources."""
    if path is None or not path.is_file():
        return {}
    with zipfile.ZipFile(path) as archive:
        made_of = json.loads(archive.read("sources.json"))
        return {
            f"{name}c": archive.read(f"{name}c")
            for name, data in sources.items()
            if made_of.get(name) == hashlib.sha256(data).hexdigest()
        }
