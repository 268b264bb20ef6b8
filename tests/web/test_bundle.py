"""What `petal bundle` writes: all that a tab loads, once, and nothing that is not a bundle's."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from petal_server.bundle import write_bundle
from petal_server.cli import main

WEB = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    into = tmp_path_factory.mktemp("bundles") / "petal"
    write_bundle(into, WEB)
    return into


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_script_is_in_it_as_it_is_in_web(folder):
    scripts = {name for name in names(folder) if name.endswith(".js") and "vendor" not in name}
    assert {"petal.js", "element.js", "worker/main.js", "kernel/pool.js"} <= scripts
    for name in scripts:
        assert (folder / name).read_bytes() == (WEB / name).read_bytes()
    assert not any(name.startswith(("demo/", "node_modules/")) for name in names(folder))


def test_what_the_worker_loads_is_there_once_and_by_its_hash(folder):
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    assert "petal-py.zip" in listed
    for name in ("petal-py.zip", "vendor/pyodide/pyodide.asm.wasm"):
        assert "@" in listed[name]["url"]
        assert (folder / listed[name]["url"]).stat().st_size == listed[name]["bytes"]
        assert not (folder / name).exists()


def test_package_json_names_files_that_are_there(folder):
    package = json.loads((folder / "package.json").read_text())
    assert "devDependencies" not in package
    for entry in (package["exports"]["."], package["exports"]["./element"]):
        assert (folder / entry["default"]).is_file()
        assert (folder / entry["types"]).is_file()
    assert {"LICENSE", "NOTICE.txt"} <= names(folder)


def test_an_earlier_bundle_is_replaced_and_other_things_are_not(tmp_path):
    into = tmp_path / "petal"
    write_bundle(into, WEB)
    (into / "vendor" / "old").mkdir()
    done = CliRunner().invoke(main, ["bundle", str(into)])
    assert done.exit_code == 0, done.output
    assert "MB" in done.output
    assert not (into / "vendor" / "old").exists()

    other = tmp_path / "app"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    refused = CliRunner().invoke(main, ["bundle", str(other)])
    assert refused.exit_code == 2
    assert "name another folder" in refused.output
    assert names(other) == {"mine.txt"}
    assert {path.name for path in tmp_path.iterdir()} == {"petal", "app"}


def test_the_command_says_where_the_files_are_missing(tmp_path):
    (tmp_path / "web").mkdir()
    refused = CliRunner().invoke(
        main, ["bundle", str(tmp_path / "out"), "--web", str(tmp_path / "web")]
    )
    assert refused.exit_code == 2
    assert "petal bundle:" in refused.output
