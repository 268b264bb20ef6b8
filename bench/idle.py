"""The row of the many who wait: ten thousand idle participants beside a round."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from petal.participant import Delays

from .machine import ROOT
from .measure import Line, Reading, Target, limit
from .scale import Run
from .server import Server, settings
from .whole_round import SUMS, UPDATES, play

_WEIGHTS = 1000
_SECONDS = 60
"""Longer than a question stays open: every one is asked anew at least twice."""

_PAGE = 4096


class Idlers:
    """That process; a context manager. Inside, all are waiting."""

    def __init__(self, url: str, count: int):
        self.count = count
        self._command = [sys.executable, "-m", "bench.idlers", url, str(count)]

    def __enter__(self) -> "Idlers":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._read()
        return self

    def answered(self) -> dict[str, int]:
        """By status how many answers came since this was last asked."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the idle participants ended with {self._process.wait()}")
        return json.loads(line)

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def idle(run: Run) -> list[Line]:
    """10,000 participants that wait for news, on one process: its load, its memory, its rounds."""
    count = run.scale.idlers
    with Server(settings(_WEIGHTS, SUMS, UPDATES)) as server:
        run.tell("rounds without them")
        alone = [_play(server).last for _ in range(run.scale.repeats + 1)][1:]
        before = server.resident()
        run.tell(f"{count:,} participants join")
        with Idlers(server.url, count) as idlers:
            memory = max(server.resident() - before, _PAGE)
            run.tell(f"{count:,} participants wait")
            waiting = _wait(server, idlers, _SECONDS if run.scale.name == "full" else 3)
            rounds = []
            for number in range(run.scale.repeats):
                run.tell(f"round {number + 1} of {run.scale.repeats} beside {count:,} who wait")
                rounds.append(_beside(server, idlers))
    return _lines(run, memory, waiting, alone, rounds)


@dataclass(frozen=True)
class Waiting:
    """What so many cost while nothing happens."""

    requests: float
    processor: float
    late: float


def _wait(server: Server, idlers: Idlers, seconds: float) -> Waiting:
    server.lateness_since(), idlers.answered()
    busy, began = server.processor(), time.perf_counter()
    time.sleep(seconds)
    answers, took = sum(idlers.answered().values()), time.perf_counter() - began
    share = (server.processor() - busy) / took
    return Waiting(max(answers, 1) / took, 100 * share, _worst(server.lateness_since(), "p99.9"))


def _worst(lateness: dict[str, dict[str, float]], statistic: str) -> float:
    return max(phase[statistic] for phase in lateness.values())


@dataclass(frozen=True)
class Round:
    """A round beside them: seconds from its start until its 10 participants had the new model,
    from the first of these until everybody did, and how late beats came all the while."""

    first: float
    last: float
    everybody: float
    late: float


def _play(server: Server) -> Round:
    played = asyncio.run(play(server.url, Delays()))
    return Round(played.first - played.begun, played.last - played.begun, played.first, 0.0)


def _beside(server: Server, idlers: Idlers) -> Round:
    server.lateness_since(), idlers.answered()
    played, fetched = _play(server), 0
    while fetched < 2 * idlers.count:  # the parameters, then the model
        time.sleep(0.02)
        fetched += idlers.answered().get("200", 0)
    everybody = time.perf_counter() - played.everybody
    late = _worst(server.lateness_since(), "p99.9")
    return replace(played, everybody=everybody, late=late)


def _lines(
    run: Run, memory: int, waiting: Waiting, alone: list[float], rounds: list[Round]
) -> list[Line]:
    count, held_up = run.scale.idlers, run.scale.target(0.05)
    size = f"a round of {SUMS + UPDATES} among {count:,}, {_WEIGHTS:,} weights"

    def line(name: str, samples: list[float], unit: str = "s", statistic: str = "median") -> Line:
        target = Target(at_most=held_up) if "held up" in name and held_up else None
        return Line("idle", Reading(name, tuple(samples), unit, statistic), (), target)

    last = Reading(f"{size}, until these have the model", _all(rounds, "last"), "s", "median")
    without = Reading("the same without the others", tuple(alone), "s", "median")
    return [
        line(f"{count:,} participants wait for news: requests", [waiting.requests], "/s"),
        line("meanwhile the coordinator keeps a processor busy", [waiting.processor], "%"),
        line("meanwhile the event loop is held up, 99.9 %", [waiting.late], "s", "p99.9"),
        line("memory that they take, all together", [memory], "B"),
        line(f"{size}, until the model is there", _all(rounds, "first")),
        Line("idle", last, (limit(last, without),)),
        line("from the model until everybody has it", _all(rounds, "everybody")),
        line("in these rounds the event loop is held up, 99.9 %", _all(rounds, "late"), "s", "max"),
    ]


def _all(rounds: list[Round], name: str) -> tuple[float, ...]:
    return tuple(getattr(each, name) for each in rounds)


ROWS: dict[str, Callable[[Run], list[Line]]] = {"idle": idle}
