"""Programs written for xaynet_sdk run on petal.client with one changed line, side by side."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .coordinator import SECONDS, coordinator

PROGRAMS = Path(__file__).parent / "programs"
IMPORT, SWAPPED = "import xaynet_sdk\n", "import petal.client as xaynet_sdk\n"


def start(url, folder, program, number, swap):
    """The program in its own process; its output and its models go to files."""
    source = (PROGRAMS / program).read_text()
    assert source.count(IMPORT) == 1
    file = folder / f"{number}.py"
    file.write_text(source.replace(IMPORT, SWAPPED) if swap else source)
    command = [sys.executable, file, url, folder / f"{number}.models", str(number)]
    with open(folder / f"{number}.log", "w") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def models(folder, number):
    file = folder / f"{number}.models"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("]")]


@pytest.mark.official
def test_programs_run_unchanged(tmp_path):
    kinds = [
        (program, swap)
        for program in ("trains_when_asked.py", "sets_models.py")
        for swap in (False, True, True)
    ]
    with coordinator(tmp_path, "Prime/F32/B0/M3", 4, time=1.0) as running:
        processes = [
            start(running.url, tmp_path, program, number, swap)
            for number, (program, swap) in enumerate(kinds)
        ]
        deadline = time.monotonic() + SECONDS
        while not all(len(models(tmp_path, n)) >= 2 for n in range(len(kinds))):
            assert time.monotonic() < deadline, [models(tmp_path, n) for n in range(len(kinds))]
            assert all(process.poll() is None for process in processes)
            time.sleep(0.1)
        for process in processes:
            process.send_signal(signal.SIGINT)
        codes = [process.wait(SECONDS) for process in processes]
    logs = [(tmp_path / f"{number}.log").read_text() for number in range(len(kinds))]
    assert codes == [0] * len(kinds), logs
    seen = [{tuple(model) for model in models(tmp_path, n)} for n in range(len(kinds))]
    assert set.intersection(*seen), "no global model came to all of them"
    for number, log in enumerate(logs):
        assert f"participant {number} stopped" in log
        assert "Traceback" not in log
    for model in set.union(*seen):
        assert model[1:] == (-0.5, pytest.approx(0.345), 1)
        assert 0 <= model[0] <= len(kinds) / 8
