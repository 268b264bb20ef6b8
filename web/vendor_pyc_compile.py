"""Makes a zip of .pyc of a zip of .py, the same bytes every time; vendor_pyc.mjs runs it."""

import ast
import hashlib
import importlib.util
import io
import json
import marshal
import zipfile
from fnmatch import fnmatchcase
from functools import partial

UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: never looks for the source
SOURCES = "sources.json"
DESCRIPTION = ("*.dist-info/METADATA", "*.dist-info/licenses/*")


def compile_zip(source, folder: str, leave_out, documented, tell_sources: bool) -> bytes:
    """The modules and extensions in ``source`` (a zip's bytes), compiled and stored.

    ``folder`` is where they will lie in a tab, as tracebacks tell it. ``leave_out`` are patterns
    of paths, ``documented`` those of modules that keep their docstrings. ``tell_sources`` adds
    what each file was made of: its path and the source's SHA-256.
    """
    patterns, documented = list(leave_out), list(documented)
    made, sources = io.BytesIO(), {}
    with (
        zipfile.ZipFile(io.BytesIO(source.to_bytes())) as given,
        zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as zipped,
    ):
        for name in sorted(given.namelist()):
            if not name.endswith("/") and _wanted(name, patterns):
                data = given.read(name)
                sources[name] = hashlib.sha256(data).hexdigest()
                _add(zipped, *_compiled(name, data, folder, _matches(name, documented)))
        if tell_sources:
            _add(zipped, SOURCES, json.dumps(sources, indent=0).encode())
    return made.getvalue()


def _wanted(name: str, leave_out: list[str]) -> bool:
    """Modules and extensions; of a wheel's description the version and the licences."""
    kept = name.endswith((".py", ".so")) or _matches(name, DESCRIPTION)
    return kept and not _matches(name, leave_out)


def _matches(name: str, patterns: list[str]) -> bool:
    return any(map(partial(fnmatchcase, name), patterns))


def _compiled(name: str, data: bytes, folder: str, documented: bool) -> tuple[str, bytes]:
    if not name.endswith(".py"):
        return name, data
    source = data if documented else without_docstrings(ast.parse(data))
    code = compile(source, f"{folder}/{name}", "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(data)
    return f"{name}c", head + marshal.dumps(code)


def without_docstrings(module: ast.Module) -> ast.Module:
    """Only those: optimize=2 would take out assertions too."""
    for node in ast.walk(module):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            while ast.get_docstring(node, clean=False) is not None:
                empty = [ast.copy_location(ast.Pass(), node.body[0])]
                node.body = node.body[1:] or empty
    return module


def _add(zipped: zipfile.ZipFile, name: str, data: bytes) -> None:
    """With ZipInfo's own date, 1980, whatever the clock says."""
    zipped.writestr(zipfile.ZipInfo(name), data)
