"""`petal participate` and `petal test-drive` against a real coordinator."""

import re
import signal
import subprocess
import sys
import time

import numpy as np

from petal.client import participate
from petal.participant import NewRound

from .coordinator import ROOT, SECONDS, coordinator

PETAL = [sys.executable, "-c", "from petal_server.cli import main; main()"]
TRAIN = """
import numpy as np

def train(model, round):
    start = np.zeros(round.model_length) if model is None else model
    return np.full(len(start), 0.25, round.mask_config.vect.data.dtype)
"""


def petal(*arguments):
    return subprocess.Popen(
        [*PETAL, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, said


def test_a_test_drive_tells_a_line_a_round(tmp_path):
    with coordinator(tmp_path, "Prime/I32/B2/M3", 300, time=0.7) as running:
        code, said = finish(petal("test-drive", "-n", 16, "-u", running.url, "--rounds", 2))
        rounds = re.findall(
            r"^round (\d) over: (\d+) sum, (\d+) update, 0 without a role; "
            r"taken: \d+ sum, (\d+) update, \d+ sum2.*; global model mean",
            said,
            re.M,
        )
    assert code == 0, said
    assert [number for number, *_ in rounds] == ["1", "2"]
    for _, summers, updaters, _ in rounds:
        assert int(summers) + int(updaters) == 16
    counts = [line["updates"] for line in running.events("global model")]
    assert counts[:2] == [int(taken) for *_, taken in rounds]


def test_a_participant_trains_stops_and_goes_on_from_its_file(tmp_path):
    script, state, model = tmp_path / "t.py", tmp_path / "me.petal", tmp_path / "model.npy"
    script.write_text(TRAIN)
    own = ("--train", script, "--state", state, "--save-model", model)
    with coordinator(tmp_path, "Prime/F32/B0/M3", 50, time=0.7) as running:
        crowd = petal("test-drive", "-n", 15, "-u", running.url, "--weights", "constant")
        first = petal("participate", "-u", running.url, *own, "-v")
        wait_for(lambda: state.exists() and model.exists())
        first.send_signal(signal.SIGINT)
        code, said = finish(first)
        assert code == 0, said
        assert "role: " in said
        assert "goes on from here" in said
        code, again = finish(petal("participate", "-u", running.url, *own, "--rounds", 2))
        assert code == 0, again
        crowd.send_signal(signal.SIGINT)
        code, drove = finish(crowd)
        assert code == 0, drove
    participant = re.search(r"participant (\w{8})", said)[1]
    assert f"going on as participant {participant}" in again
    assert again.count("new round") >= 2
    assert np.load(model).shape == (50,)
    assert state.stat().st_mode & 0o077 == 0


def test_a_budget_lasts_for_so_many_updates_and_a_restart_does_not_forget_them(tmp_path):
    script, state = tmp_path / "t.py", tmp_path / "me.petal"
    script.write_text(TRAIN)
    own = ("--train", script, "--state", state)
    noise = ("--dp-epsilon", 8, "--dp-clip", 0.01, "--dp-updates", 2)
    with coordinator(tmp_path, "Prime/F32/B0/M3", 50, time=0.7) as running:
        crowd = petal("test-drive", "-n", 15, "-u", running.url, "--weights", "zero")
        first = petal("participate", "-u", running.url, *own, *noise)
        said = until(first, "by 1 updates")
        again = petal("participate", "-u", running.url, *own)
        later = until(again, "no further update")
        crowd.send_signal(signal.SIGINT)
        assert finish(crowd)[0] == 0
    assert "privacy budget spent: epsilon 0 of 8 at delta 1e-06, by 0 updates; 2 more" in said
    spent = re.findall(r"privacy budget spent: epsilon ([\d.]+) of 8 .* by (\d) updates", later)
    assert spent[0] == ("5.38", "1")
    assert spent[-1] == ("8", "2")


def test_one_call_takes_part_and_returns_the_global_model(tmp_path):
    def train(model, params):
        return np.full(params.model_length, 0.25, params.mask_config.vect.data.dtype), 1

    with coordinator(tmp_path, "Prime/F32/B0/M3", 50, time=0.7) as running:
        crowd = petal("test-drive", "-n", 15, "-u", running.url, "--weights", "constant")
        told = []
        model = participate(running.url, train, rounds=2, observer=told.append)
        crowd.send_signal(signal.SIGINT)
        assert finish(crowd)[0] == 0
    assert model.shape == (50,)
    assert np.ptp(model) == 0
    assert [notice.ended for notice in told if isinstance(notice, NewRound)] == [0, 1, 2]


def until(process, text):
    """What it says up to the line with this text; then Ctrl-C."""
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    return said


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
