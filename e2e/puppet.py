"""Browsers that Playwright cannot play: Debian's Firefox, and a Chromium that really hides tabs.

Driven by puppeteer-core under Playwright's Node.js.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from .processes import ROOT

SCRIPT = ROOT / "e2e" / "puppet.mjs"
MODULES = ROOT / "web" / "node_modules"


def find_firefox() -> str:
    """The browser's path; the test is left out, with what to do, where there is none."""
    named = os.environ.get("PETAL_FIREFOX") or None
    found = shutil.which(named) if named else shutil.which("firefox-esr") or shutil.which("firefox")
    if not found:
        pytest.skip("no Firefox: `.ci/firefox` installs it on Debian, PETAL_FIREFOX names another")
    return found


class Puppet:
    """A browser with a profile of its own, `name` is chrome or firefox; a call is a command of
    puppet.mjs, where tabs go by the numbers that `open` gives."""

    def __init__(self, name: str, executable: str, profile: Path):
        if not (MODULES / "puppeteer-core").is_dir():
            pytest.skip("puppeteer-core is not there: make web/node_modules/.made says why")
        node, _ = compute_driver_executable()
        self._process = subprocess.Popen(
            [node, SCRIPT, name, executable, profile],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, command: str, *args):
        """The command's answer; AssertionError with the browser's reason if it failed."""
        print(json.dumps([command, *args]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"{self._process.args} ended with status {self._process.wait()}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self) -> None:
        """End the browser with it."""
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
