"""The bench runs and tells what it found. Nothing here looks at how fast anything is."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from bench.__main__ import ROWS
from bench.masks import key_stream_bytes
from bench.measure import Line, Reading, Target, limit, rival, side_by_side
from bench.official import installed
from bench.report import markdown, table
from bench.scale import CONFIG
from bench.server import Heart

from petal.crypto import key_stream
from petal.mask import derive_mask, sampling

ROOT = Path(__file__).resolve().parents[1]
RIVALS = {"mask", "sum2", "masking", "tab-mask"}


def bench(*arguments: str) -> subprocess.CompletedProcess:
    """What the command says; one that hangs says where, in the standard error of the failure."""
    command = [sys.executable, "-X", "faulthandler", "-m", "bench", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            shown = process.communicate(timeout=180)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            shown = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, *shown)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_runs_and_is_told(row, tmp_path):
    file = tmp_path / "found.json"
    done = bench("--tiny", "--rows", row, "--json", str(file))
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["about"]["scale"] == "tiny"
    assert {"processor", "python", "commit", "load before", "load after"} <= found["about"].keys()
    assert found["lines"]
    for line in found["lines"]:
        assert line["row"] == row
        assert line["name"] in done.stdout
        for reading in (line, *line["beside"]):
            assert reading["value"] > 0
            assert all(sample > 0 for sample in reading["samples"])
            assert reading["name"] in done.stdout
    held_against = {beside["name"] for line in found["lines"] for beside in line["beside"]}
    assert ("official client" in held_against) == (row in RIVALS and installed())


def test_help_names_every_row():
    shown = bench("--help").stdout
    assert all(f"\n  {row} " in shown for row in ROWS)


def test_an_unknown_row_is_an_error_that_names_the_rows(tmp_path):
    done = bench("--rows", "speed", "--json", str(tmp_path / "found.json"))
    assert done.returncode == 2
    assert "'speed' is none of mask, " in done.stderr


def test_candidates_take_turns():
    order = []
    taken = side_by_side(
        2,
        lambda _: None,
        {name: lambda name=name: order.append(name) or 1.0 for name in ("a", "b", "c")},
        slow=("c",),
    )
    assert "".join(order) == "ab" + "abc" + "abc"  # the first to warm up, which is not counted
    assert {name: len(reading.samples) for name, reading in taken.items()} == dict.fromkeys(
        "abc", 2
    )


def test_ratios_point_the_right_way():
    ours, slower = Reading("ours", (1.0, 2.0)), Reading("theirs", (30.0, 40.0))
    assert rival(ours, slower, 30).ratio == 30
    assert rival(ours, slower, 30).target.met(30)
    assert not rival(ours, slower, 31).target.met(30)
    bare = Reading("bare", (0.5, 0.6))
    assert limit(ours, bare).ratio == 2
    assert limit(ours, bare, 2).target.met(2)
    assert not limit(ours, bare, 1.9).target.met(2)
    rates = Reading("ours", (10.0, 20.0), "/s"), Reading("limit", (30.0, 40.0), "/s")
    assert limit(*rates).ratio == 2


def test_the_table_says_what_is_met_and_what_is_not():
    ours = Reading("work", (0.002,))
    line = Line("row", ours, (rival(ours, Reading("theirs", (0.004,)), 3),), Target(at_most=0.01))
    shown = click.unstyle(table([line]))
    assert "2 ms" in shown
    assert "≤ 10 ms, met" in shown
    assert "2 x faster" in shown
    assert "≥ 3 x, missed" in shown
    assert markdown([line]).splitlines()[2:] == [
        "| **work** | 2 ms | | ≤ 10 ms |",
        "| theirs | 4 ms | 2 x faster | ≥ 3 x |",
    ]


def test_the_document_gets_a_new_table_and_keeps_its_prose(tmp_path):
    copy = tmp_path / "performance.md"
    copy.write_text((ROOT / "docs" / "performance.md").read_text())
    prose = re.split("<!-- /?measured -->", copy.read_text())
    file = str(tmp_path / "found.json")
    done = bench("--tiny", "--rows", "mask", "--json", file, "--document", str(copy))
    assert done.returncode == 0, done.stderr
    before, table, after = re.split("<!-- /?measured -->", copy.read_text())
    assert [before, after] == prose[::2]
    assert "- scale: tiny\n" in table
    assert "| **derive a mask of 1,000 weights** |" in table


def test_the_computed_key_stream_is_what_a_mask_takes(monkeypatch):
    """Nearly: how many draws are rejected is a matter of chance, and some stream is left over."""
    filled = []

    class Counting:
        def __init__(self, seed):
            self._stream = key_stream(seed)

        def fill(self, out):
            filled.append(len(out))
            self._stream.fill(out)

    monkeypatch.setattr(sampling, "key_stream", Counting)
    derive_mask(bytes(32), 100_000, CONFIG)
    assert sum(filled) == pytest.approx(key_stream_bytes(CONFIG.vect, 100_000), rel=0.05)


def test_missed_beats_count_as_late_as_they_came():
    heart = Heart(lambda: "update")
    assert heart.note(0.0105) == 10
    assert heart.note(0.0002) == 0
    report = heart.report()["update"]
    assert report["beats"] == 12
    assert report["max"] == 0.0105
