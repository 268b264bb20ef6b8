"""A bounded run of the simulation; `make simulate` runs it for as long as one likes."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from .__main__ import main
from .runner import attempt

ROOT = Path(__file__).parents[2]
SEEDS = 100

# What these few seeds are enough to bring about; a longer run has all of it many times.
SEEN = {
    "round exact mean",
    "round mean of rounded updates",
    "round poisoned by an accepted update",
    "round spoiled by wrong seeds",
    "round spoiled by wrong votes",
    "round failed: timeout in sum",
    "round failed: timeout in update",
    "round failed: timeout in sum2",
    "round lost with the coordinator",
    "message pending",
    "message phase_full",
    "message replayed",
    "message sealed_box",
    "message seed_dictionary",
    "message signature",
    "message wrong_coordinator",
    "message wrong_phase",
}


def test_nothing_is_unexplained():
    total = Counter()
    for seed in range(SEEDS):
        outcome = attempt(seed)
        assert not isinstance(outcome, str), outcome
        total += outcome.stats
    assert total.keys() >= SEEN


@pytest.mark.parametrize("seed", [3, 8])
def test_a_run_is_a_function_of_its_seed(seed):
    """In another process too, where Python's sets have another order."""
    report = attempt(seed)
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--jobs", "1", "--seeds", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    again = attempt(seed)
    assert report == again
    assert report.order in told


def test_another_seed_is_another_run():
    assert attempt(3).digest != attempt(4).digest


def test_a_failing_seed_says_how_to_see_it_again(monkeypatch):
    monkeypatch.setattr("petal_server.intake.eligible", lambda *_: True)
    done = CliRunner().invoke(main, ["--jobs", "1", "--seeds", "0:8"])
    assert done.exit_code == 1
    assert "Again: python -m tests.simulation --jobs 1 --trace --seeds" in done.stdout


@pytest.mark.parametrize("seeds", ["x", "1:2:3", "1:b", ""])
def test_seeds_that_are_none(seeds):
    done = CliRunner().invoke(main, ["--seeds", seeds])
    assert done.exit_code == 2
    assert "is no list of seeds" in done.output
