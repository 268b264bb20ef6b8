"""Real coordinators and native participants, each in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np

ROOT = Path(__file__).parents[1]
PETAL = [str(Path(sys.executable).with_name("petal"))]
DIGITS = ROOT / "e2e" / "native_training.py"
# A machine that runs other things beside takes several times as long as an idle one.
PATIENCE = 150


def wait_until(what: str, condition, timeout: float = PATIENCE, interval: float = 0.05):
    """The first true value of `condition()`; AssertionError naming `what` when there is none."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(interval)
    raise AssertionError(f"waited {timeout} s in vain for: {what}")


class Program:
    """A process whose output goes to a file."""

    def __init__(self, command: list[str], log: Path, **environment: str):
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, env={**os.environ, **environment}, cwd=ROOT
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Coordinator:
    """`petal serve` on a free port; `restart` takes the same port again."""

    def __init__(self, folder: Path, config: str):
        self.folder, self.config = folder, config
        self._start("127.0.0.1:0")

    def _start(self, address: str) -> None:
        log = self.folder / "coordinator.log"
        earlier = log.read_text().count("Petal coordinator on") if log.exists() else 0
        file = self.folder / "config.toml"
        storage = f'[storage]\npath = "{self.folder}/petal-data"\n'
        file.write_text(f'[api]\nbind_address = "{address}"\n{storage}{self.config}')
        self.program = Program([*PETAL, "serve", "-c", str(file)], log)

        def listening() -> str | None:
            assert self.program.process.poll() is None, self.program.output()
            found = re.findall(r"Petal coordinator on (http://\S+)/", self.program.output())
            return found[-1] if len(found) > earlier else None

        try:
            self.url = wait_until("the coordinator listens", listening)
        except AssertionError:
            self.program.stop()
            raise
        self.port = int(self.url.rsplit(":", 1)[1])

    def restart(self, more_config: str = "") -> None:
        """Start again where it was, after `program.stop()`."""
        self.config += more_config
        self._start(f"127.0.0.1:{self.port}")

    def status(self) -> dict:
        return httpx.get(f"{self.url}/status").raise_for_status().json()

    def model(self) -> tuple[str, np.ndarray] | None:
        """The newest global model as (id, weights)."""
        answer = httpx.get(f"{self.url}/model", headers={"accept": "application/x-npy"})
        if answer.status_code == 204:
            return None
        body = answer.raise_for_status().content
        header = 10 + int.from_bytes(body[8:10], "little")
        return answer.headers["petal-model-id"], np.frombuffer(body, "<f4", offset=header)

    def complaints(self) -> list[str]:
        """Lines of the log that no healthy run has."""
        return [line for line in self.program.output().splitlines() if _bad(line)]


def _bad(line: str) -> bool:
    return bool(re.search(r"\[(error|critical)\s*\]|Traceback|Exception", line))


def native(url: str, party: int, log: Path, training: Path = DIGITS) -> Program:
    """`petal participate`, by default with one party's digits."""
    command = [*PETAL, "participate", "-u", url, "--train", str(training), "-v"]
    return Program(command, log, PETAL_E2E_PARTY=json.dumps(party))
