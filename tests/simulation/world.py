"""One seed's world from its first round to its last."""

import asyncio
import hashlib
import logging
import random
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog

from .attacker import Attacker
from .host import Host
from .loop import VirtualLoop
from .network import Network
from .oracle import TICK, Oracle, Unexplained
from .peer import Peer
from .scenario import CALM, Faults, draw

HEALTHY_ROUNDS = 1
SETTLING = 12.0
LONGEST = 5000.0
"""Virtual seconds after which a world whose rounds do not end is taken to be stuck."""


@dataclass(frozen=True)
class Report:
    """What one seed gave: how often what happened, and a digest of all of it in order."""

    seed: int
    stats: Counter
    digest: str
    seconds: float

    @property
    def order(self) -> str:
        """The digest of a run of this seed alone, as the runner prints it."""
        return digest_of([self])

    @property
    def rounds(self) -> int:
        return sum(n for name, n in self.stats.items() if name.startswith("round "))


def digest_of(reports: list[Report]) -> str:
    """What tells one run of many seeds from another."""
    joined = "".join(report.digest for report in reports)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


class World:
    """All parts of a simulation, and what they share: chance, time, and the record of events."""

    def __init__(self, seed: int, trace: bool = False):
        self.seed, self.trace = seed, trace
        self.scenario = draw(seed)
        self.stats: Counter = Counter()
        self.digest = hashlib.sha256()
        self.healed, self.settled = False, None
        self._ended, self.accepted = 0, asyncio.Event()
        self._tasks: dict[asyncio.Task, None] = {}
        self.oracle, self.network, self.host = Oracle(self), Network(self), Host(self)
        self.peers = [Peer(self, number) for number in range(self.scenario.peers)]

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def faults(self) -> Faults:
        return CALM if self.healed else self.scenario.faults

    def rng(self, name: str) -> random.Random:
        """A source of chance of its own for each part, so that one does not shift another's."""
        return random.Random(f"{self.seed}/{name}")

    def note(self, line: str):
        """Add to the record of what happened."""
        line = f"{self.now:10.4f} {line}"
        self.digest.update(line.encode())
        if self.trace:
            print(line, file=sys.stderr)

    def hear(self, event):
        """Something happens in the coordinator. Nothing is to be raised in there."""
        if self.host.app is None:
            return  # It is being cancelled, where a killed process would simply end.
        try:
            self.oracle.hear(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the simulation fails with it
            self._fail(error)

    def spawn(self, coroutine) -> asyncio.Task:
        """Run in the background; an exception ends the simulation."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[task] = None
        task.add_done_callback(self._over)
        return task

    def _over(self, task):
        del self._tasks[task]
        if not task.cancelled() and task.exception():
            self._fail(task.exception())

    def _fail(self, error):
        if not self._finished.done():
            self._finished.set_exception(error)

    def round_ended(self, record):
        self._ended += 1
        if not self.healed and self._ended >= self.scenario.rounds:
            self.healed = True
            self.spawn(self._settle())
        if self.settled is not None and record.began >= self.settled:
            self._healthy += 1
            if self._healthy == HEALTHY_ROUNDS and not self._finished.done():
                self._finished.set_result(None)

    async def _settle(self):
        """Let everybody come back, and the coordinator with them."""
        await asyncio.sleep(SETTLING)
        self.settled, self._healthy = self.now, 0

    async def run(self) -> Report:
        loop = asyncio.get_running_loop()
        self._finished = loop.create_future()
        loop.set_exception_handler(
            lambda _, context: self._fail(context.get("exception") or Unexplained(str(context)))
        )
        await self.host.start()
        await asyncio.sleep(TICK)
        for peer in self.peers:
            self.spawn(peer.live())
        self.spawn(Attacker(self).live())
        self.spawn(self._restarts())
        try:
            async with asyncio.timeout(LONGEST):
                await self._finished
        finally:
            self.host.close()
        return Report(self.seed, self.stats, self.digest.hexdigest()[:16], self.now)

    async def _restarts(self):
        rng = self.rng("restarts")
        for when in sorted(self.scenario.faults.restarts):
            await asyncio.sleep(max(when - self.now, 0))
            if self.healed:
                return
            if rng.random() < 0.5:
                await self._moment_after_a_message(rng)
            if not self.host.up:
                continue
            gracefully = rng.random() < 0.5
            self.note(f"the coordinator {'stops' if gracefully else 'is cut off'}")
            await self.host.stop(gracefully)
            await asyncio.sleep(rng.uniform(0, 8))
            await self.host.start()

    async def _moment_after_a_message(self, rng):
        """When what was just answered for may not be on the disk yet, if that is possible."""
        self.accepted.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.accepted.wait(), 20)
        await asyncio.sleep(rng.uniform(0, self.scenario.disk_seconds / 2))


def simulate(seed: int, trace: bool = False) -> Report:
    """Run one seed; raises what it cannot explain."""
    world = World(seed, trace)
    with logging_to(trace), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(world.run())


@contextmanager
def logging_to(trace: bool):
    """The coordinator's log: everything on standard error, or nothing. structlog is put back."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if trace else logging.CRITICAL
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
