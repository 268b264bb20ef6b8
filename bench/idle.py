"""The row of the many who wait: ten thousand idle participants beside a round."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from petal.participant import Delays

from .machine import ROOT
from .measure import Line, Reading, Target, limit
from .scale import Run
from .server import Server, settings
from .whole_round import SUMS, UPDATES, Played, play

_WEIGHTS = 1000
_SECONDS = 60
"""Longer than a question stays open: every one is asked anew at least twice."""

_HELD_UP = 0.05
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
    count, repeats = run.scale.idlers, run.scale.repeats
    with Server(None) as still, Server(settings(_WEIGHTS, SUMS, UPDATES)) as server:
        run.tell("rounds without them")
        alone = [_play(server).took[1] for _ in range(repeats + 1)][1:]
        before = server.resident()
        run.tell(f"{count:,} participants join")
        with Idlers(server.url, count) as idlers:
            memory = max(server.resident() - before, _PAGE)
            run.tell(f"{count:,} participants wait")
            seconds = _SECONDS if run.scale.name == "full" else 3
            waiting = _wait(server, still, idlers, seconds)
            rounds = []
            for number in range(repeats):
                run.tell(f"round {number + 1} of {repeats} beside {count:,} who wait")
                rounds.append(_beside(server, still, idlers))
    return _lines(run, memory, waiting, alone, rounds)


@dataclass(frozen=True)
class Late:
    """The 99.9th percentile of how late beats came, in seconds: the coordinator's, and those of an
    event loop that has nothing else to do."""

    ours: float
    still: float

    @classmethod
    def since(cls, server: Server, still: Server) -> "Late":
        """Since this was last asked; whatever the phase was. 0 if no beat was due since."""
        found = [each.lateness_since().values() for each in (server, still)]
        return cls(*(max((phase["p99.9"] for phase in phases), default=0.0) for phases in found))


@dataclass(frozen=True)
class Waiting:
    """What so many cost while nothing happens: requests a second, per cent of a processor."""

    requests: float
    processor: float
    late: Late


def _wait(server: Server, still: Server, idlers: Idlers, seconds: float) -> Waiting:
    Late.since(server, still), idlers.answered()
    busy, began = server.processor(), time.perf_counter()
    time.sleep(seconds)
    answers, took = sum(idlers.answered().values()), time.perf_counter() - began
    share = (server.processor() - busy) / took
    return Waiting(max(answers, 1) / took, 100 * share, Late.since(server, still))


class Round(NamedTuple):
    """Seconds from its start until the model was there, until its 10 participants had it, and from
    the model until everybody had it; and how late beats came all the while."""

    first: float
    last: float
    everybody: float
    late: Late


def _play(server: Server) -> Played:
    return asyncio.run(play(server.url, Delays()))


def _beside(server: Server, still: Server, idlers: Idlers) -> Round:
    Late.since(server, still), idlers.answered()
    played, fetched = _play(server), 0
    while fetched < 2 * idlers.count:  # the parameters, then the model
        time.sleep(0.02)
        fetched += idlers.answered().get("200", 0)
    everybody = time.perf_counter() - played.first
    return Round(*played.took, everybody, Late.since(server, still))


def _lines(
    run: Run, memory: int, waiting: Waiting, alone: list[float], rounds: list[Round]
) -> list[Line]:
    count = run.scale.idlers
    size = f"a round of {SUMS + UPDATES} among {count:,}, {_WEIGHTS:,} weights"
    first, last, everybody, late = zip(*rounds, strict=True)
    until_last = Reading(f"{size}, until these have the model", last, "s", "median")
    without = Reading("the same without the others", tuple(alone), "s", "median")
    return [
        _line(f"{count:,} participants wait for news: requests", [waiting.requests], "/s"),
        _line("meanwhile the coordinator keeps a processor busy", [waiting.processor], "%"),
        _held_up(run, "meanwhile the event loop is held up, 99.9 %", [waiting.late]),
        _line("memory that they take, all together", [memory], "B"),
        _line(f"{size}, until the model is there", first),
        Line("idle", until_last, (limit(until_last, without),)),
        _line("from the model until everybody has it", everybody),
        _held_up(run, "in these rounds the event loop is held up, 99.9 %", late),
    ]


def _line(name: str, samples: Sequence[float], unit: str = "s") -> Line:
    return Line("idle", Reading(name, tuple(samples), unit, "median"))


def _held_up(run: Run, name: str, late: Sequence[Late]) -> Line:
    ours = Reading(name, tuple(each.ours for each in late), "s", "max")
    still = tuple(each.still for each in late)
    beside = limit(ours, Reading("an idle event loop meanwhile", still, "s", "max"))
    target = run.scale.target(_HELD_UP)
    return Line("idle", ours, (beside,), target and Target(at_most=target))


ROWS: dict[str, Callable[[Run], list[Line]]] = {"idle": idle}
