"""Where PETAL_TEST_ALL is set, as in .ci/run, a test that lacks something fails and says what."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest

@pytest.fixture
def firefox():
    pytest.skip("no Firefox")

def test_in_a_fixture(firefox): pass

def test_in_its_body(): pytest.skip("no npm")

@pytest.mark.skipif(True, reason="Windows has no such modes")
def test_of_another_platform(): pass

@pytest.mark.xfail
def test_known_to_fail(): raise AssertionError
"""


@pytest.mark.parametrize(
    ("set_to", "counts"),
    [("1", "1 failed, 1 skipped, 1 xfailed, 1 error"), ("", "3 skipped, 1 xfailed")],
)
def test_what_is_missing_fails_its_tests(tmp_path, set_to, counts):
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "PETAL_TEST_ALL": set_to, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert counts in done.stdout.splitlines()[-1], done.stdout
    for missing in ("no Firefox", "no npm"):
        assert missing in done.stdout
