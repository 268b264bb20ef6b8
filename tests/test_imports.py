"""Imports point one way; docs/architecture.md draws the order that stands here as data."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each module or package of petal may import those before it, and itself.
ORDER = ["errors", "model", "crypto", "mask", "privacy", "round", "wire", "participant", "client"]

# Besides the standard library and numpy. A tab has no more, and `petal_host` from its worker.
THIRD_PARTY = {
    "petal/crypto/_pynacl.py": {"nacl", "cryptography"},
    "petal/crypto/_sodium_js.py": {"petal_host", "pyodide"},
    "petal/client/browser.py": {"petal_host", "js", "pyodide"},
    "petal/client/javascript.py": {"js", "pyodide"},
    "petal/client/kernel.py": {"petal_host", "js", "pyodide"},
    "petal/client/page.py": {"petal_host", "pyodide"},
    "petal/client/tab.py": {"petal_host", "pyodide"},
    "petal/client/authority.py": {"cryptography"},
    "petal/client/cli.py": {"click"},
    "petal/client/privacy_options.py": {"click"},
    "petal/client/terminal.py": {"click"},
    "petal/client/http.py": {"httpx"},
}

# What phases share; the phases themselves name the next one and import no sibling.
SHARED_BY_PHASES = {"names", "context", "collect"}


def imports(path: Path) -> set[str]:
    """The absolute names of all modules that a file imports, at whatever depth it does."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{path}:{node.lineno}: relative imports hide the order")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def backward_arrows(folder: Path) -> list[str]:
    """Imports of petal under `folder` that point against ORDER or out of petal."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        place = len(ORDER) if own == "__init__" else ORDER.index(own)
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "petal_server":
                found.append(f"{path} imports {name}")
            if parts[0] == "petal" and len(parts) > 1 and parts[1] not in ORDER[: place + 1]:
                found.append(f"{path} imports {name}")
    return found


def test_petal_imports_point_one_way():
    assert backward_arrows(ROOT / "py" / "petal") == []


def test_the_drawing_shows_this_order():
    assert f"\n{' ← '.join(ORDER)}\n" in (ROOT / "docs/architecture.md").read_text()


def test_an_arrow_back_is_found(tmp_path):
    (tmp_path / "mask").mkdir()
    (tmp_path / "mask" / "field.py").write_text("def f():\n    from petal import wire\n")
    (tmp_path / "round.py").write_text("import petal_server.app\nimport petal.mask\n")
    assert [arrow.rpartition(" ")[2] for arrow in backward_arrows(tmp_path)] == [
        "petal.wire",
        "petal_server.app",
    ]


def test_what_a_tab_runs_needs_only_numpy():
    for path in sorted((ROOT / "py").rglob("*.py")):
        used = {name.split(".")[0] for name in imports(path)}
        allowed = THIRD_PARTY.get(path.relative_to(ROOT / "py").as_posix(), set())
        foreign = used - sys.stdlib_module_names - {"petal", "numpy"}
        assert foreign <= allowed, f"{path} imports {sorted(foreign - allowed)}"


def test_the_exceptions_are_real_files():
    for name, allowed in THIRD_PARTY.items():
        used = {module.split(".")[0] for module in imports(ROOT / "py" / name)}
        assert used & allowed == allowed, f"{name} no longer imports all of {sorted(allowed)}"


def test_the_digits_task_needs_only_numpy():
    used = {name.split(".")[0] for name in imports(ROOT / "web/demo/tasks/digits/digits.py")}
    assert used - sys.stdlib_module_names == {"numpy"}


@pytest.mark.parametrize("path", sorted((ROOT / "server/petal_server/phases").glob("*.py")))
def test_phases_import_no_sibling_and_no_http(path):
    for name in imports(path):
        assert not name.startswith(("starlette", "uvicorn", "httpx", "petal_server.routes"))
        if path.stem != "__init__" and name.startswith("petal_server.phases."):
            assert name.split(".")[2] in SHARED_BY_PHASES, f"{path.name} imports {name}"


def test_routes_know_no_rule_of_the_protocol():
    names = imports(ROOT / "server/petal_server/routes.py")
    assert not [name for name in names if name.startswith(("petal.mask", "petal.wire"))]
