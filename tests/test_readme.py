"""README.md is true: its commands, files, links, settings and snippets are tried out."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from petal_server import config_file
from petal_server.cli import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PETAL = str(Path(sys.executable).with_name("petal"))


def blocks(language: str) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)
    return [text for named, text in fences if named == language]


def commands(first: str) -> list[list[str]]:
    lines = "".join(blocks("sh")).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.split()[0] == first]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder, with README's two files in it."""
    (toml,) = blocks("toml")
    (python,) = blocks("python")
    (tmp_path / "config.toml").write_text(toml)
    (tmp_path / "my_training.py").write_text(python)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_petal_command_is_understood(folder):
    found = commands("petal")
    assert {name for name, *_ in found} == {"serve", "participate", "test-drive"}
    for name, *arguments in found:
        command = main.get_command(click.Context(main), name)
        command.make_context(name, arguments)


def test_every_make_target_exists():
    makefile = (ROOT / "Makefile").read_text()
    assert [target for (target,) in commands("make")] == ["demo", "test"]
    for (target,) in commands("make"):
        assert re.search(rf"^{target}:", makefile, re.M)


def test_every_link_and_every_folder_is_there():
    links = [to for to in re.findall(r"\]\(([^)]+)\)", README) if "://" not in to]
    assert "docs/demo.png" in links
    (layout,) = blocks("")
    paths = re.findall(r"[\w/]+/(?= )", layout)
    assert "py/petal/" in paths
    for name in [*links, *paths]:
        assert (ROOT / name).exists(), name


def test_every_file_in_the_architecture_is_there():
    text = (ROOT / "docs/architecture.md").read_text()
    assert all((ROOT / "docs" / link).exists() for link in re.findall(r"\]\((\w+\.md)\)", text))
    for package in ("py/petal", "server/petal_server", "web"):
        section = text.split(f"\n## {Path(package).name}\n")[1].split("\n## ")[0]
        names = re.findall(r"`([\w/.]+(?:\.py|\.js|/))`", section)
        assert len(names) >= 7
        for name in names:
            assert any((ROOT / package).rglob(name)) or name == "vendor/", f"{package}: {name}"


def test_the_settings_load(folder):
    settings = config_file.load(folder / "config.toml")
    assert settings.model.length == 2410
    assert str(settings.mask.config.vect) == "Prime/F32/B2/M3"


@pytest.fixture
def run(folder):
    """Starts README's petal commands in that folder; stops them in the end."""
    short = {f"PETAL__PET__{phase}__TIME__MIN": "0.5" for phase in ("SUM", "UPDATE", "SUM2")}
    environment = {**os.environ, **short, "PETAL__API__BIND_ADDRESS": "127.0.0.1:0"}
    running = []

    def start(arguments, url="", **options):
        here = [url if argument.startswith("http") else argument for argument in arguments]
        running.append(
            subprocess.Popen([PETAL, *here], env=environment, cwd=folder, text=True, **options)
        )
        return running[-1]

    yield start
    for process in reversed(running):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_a_round_as_readme_tells_it(run, folder):
    """Serve, fill the round with a test drive, take part with the training function."""
    serve, participate, drive = commands("petal")
    server = run(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    url = re.search(r"http://[\d.:]+", server.stdout.readline())[0]
    run(drive, url, stdout=subprocess.DEVNULL)
    participant = run([*participate, "--rounds", "2", "--save-model", "model.npy"], url)
    assert participant.wait(60) == 0
    assert len(np.load(folder / "model.npy")) == 2410
