"""The fuzz targets on their corpus, and a short guided run in a process of its own."""

import importlib.util
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from . import targets
from .decoders import reads_back

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def stop_coordinators():
    yield
    targets.coordinators().close()
    targets.coordinators.cache_clear()


@pytest.mark.parametrize("seed", targets.seeds(), ids=lambda seed: targets.NAMES[seed[0]])
def test_the_corpus_keeps_all_promises(seed):
    targets.run(seed)
    for cut in range(1, len(seed), 37):
        targets.run(seed[:cut])


def test_a_target_that_breaks_its_promise_is_caught():
    with pytest.raises(AssertionError, match="was read"):
        reads_back(bytes, lambda _: b"another")(b"data")
    with pytest.raises(ZeroDivisionError):
        reads_back(lambda _: 1 // 0, bytes)(b"data")


@pytest.mark.skipif(
    (platform.machine(), sys.platform) != ("x86_64", "linux") or sys.version_info >= (3, 14),
    reason="atheris has wheels for CPython 3.11 to 3.13 on x86-64 Linux only",
)
def test_a_short_guided_run_finds_nothing(tmp_path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: `make ready` does it")
    command = [sys.executable, "-m", "tests.fuzz", "--runs", "20000", "--found", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-4000:]
    assert not list(tmp_path.iterdir())
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    assert int(executed[1]) >= 20000
