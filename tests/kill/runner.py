"""Starts coordinator and crowd, kills the one at random moments, judges in the end."""

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .coordinator import LOST, PATIENCE, ROOT, Coordinator
from .crowd import keys_of
from .evidence import Evidence, Lost

PARTICIPANTS = 14
LAST_MODELS = 2


class Crowd:
    """The process with the participants; `lines` fills with what they tell."""

    def __init__(self, url: str, seed: int):
        self.lines: list[dict] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.crowd", url, str(PARTICIPANTS), str(seed)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def end(self) -> None:
        self._process.stdin.close()
        status = self._process.wait(PATIENCE)
        self._reader.join()
        self._process.stdout.close()
        assert status == 0, f"the crowd ended with {status}"

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()


def run(folder: Path, kills: int, seed: int, tell: Callable[[str], None]) -> Counter:
    """Kill a coordinator `kills` times; what was counted, or Lost."""
    rng, coordinator = random.Random(seed), Coordinator(folder)
    coordinator.start()
    crowd = Crowd(coordinator.wait_until_it_listens(), seed)
    try:
        killer = Killer(coordinator, rng)
        for number in range(kills):
            killer.kill_once()
            if number % 10 == 9:
                tell(f"{number + 1} of {kills} kills, {killer.told()}")
        _let_it_finish(coordinator)
        crowd.end()
        assert coordinator.end("terminate") == 0
    finally:
        crowd.kill()
        coordinator.close()
    numbers = {keys_of(n, seed).public.hex(): n for n in range(PARTICIPANTS)}
    evidence = Evidence(numbers)
    for line in crowd.lines:
        evidence.add(line)
    return killer.counts + evidence.check(coordinator.data / "models", coordinator.log)


class Killer:
    """Kills at random moments: in its first second, in the midst of rounds, twice in a row."""

    def __init__(self, coordinator: Coordinator, rng: random.Random):
        self._coordinator, self._rng = coordinator, rng
        self.counts: Counter = Counter()
        self._before: dict[str, bytes | int | None] = {}

    def told(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))

    def kill_once(self) -> None:
        rng, coordinator = self._rng, self._coordinator
        if rng.random() < 0.15:
            # In the midst of starting, restoring included.
            time.sleep(rng.uniform(0.2, 1.2))
            where = "start"
        else:
            coordinator.wait_until_it_listens() if self.counts else None
            where = self._in_a_round()
        # One in ten is stopped as a service is stopped: that must lose as little.
        coordinator.end("terminate" if where != "start" and rng.random() < 0.1 else "kill")
        self.counts[f"killed in {where}"] += 1
        self.counts["kills"] += 1
        coordinator.start()

    def _in_a_round(self) -> str:
        self._compare()
        rng = self._rng
        time.sleep(rng.uniform(0, 1.0))
        try:
            if rng.random() < 0.6:
                # Most messages come when a phase has just begun.
                self._wait_for_a_phase()
                time.sleep(rng.uniform(0, 0.25))
            self._before = self._coordinator.shown()
            if rng.random() < 0.5:
                time.sleep(rng.uniform(0, 0.1))
            return self._coordinator.get("status").json()["phase"]
        except LOST as error:
            raise Lost(f"the coordinator went away by itself: {error!r}") from error

    def _wait_for_a_phase(self) -> None:
        first = self._coordinator.get("status").json()["phase"]
        while self._coordinator.get("status").json()["phase"] == first:
            time.sleep(0.01)

    def _compare(self) -> None:
        """What was shown before the kill is shown again, to the byte, while its round goes on."""
        before, after = self._before, self._coordinator.shown()
        if not (before and after):
            return
        if after["round"] < before["round"]:
            raise Lost(f"round {after['round']} came after round {before['round']}")
        for path in after.keys() & before.keys() if after["round"] == before["round"] else ():
            # The phase may have gone on meanwhile: shown now, not before, or the other way round.
            if None not in (before[path], after[path]):
                self.counts["answers compared"] += 1
                if before[path] != after[path]:
                    raise Lost(f"GET /{path} changed in a restart")


def _let_it_finish(coordinator: Coordinator) -> None:
    """A few rounds without kills."""
    coordinator.wait_until_it_listens()
    seen, end = set(), time.monotonic() + PATIENCE
    while len(seen) <= LAST_MODELS:
        assert time.monotonic() < end, "no model comes any more"
        seen.add(coordinator.get("model").headers.get("petal-model-id"))
        time.sleep(0.1)
