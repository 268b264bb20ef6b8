"""The row of a whole round: a real coordinator, real participants, real HTTP."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice

import numpy as np

from petal.client.driver import drive
from petal.client.http import HttpTransport
from petal.participant import Delays, GlobalModel, Machine, Notice
from petal.round import Role, RoundParameters
from petal.wire import decode_params

from .measure import Line, Reading, Target
from .scale import Run
from .server import Server, settings
from .traffic import with_role

SUMS, UPDATES = 2, 8
_EAGER = Delays(poll=0.02)


def whole_round(run: Run) -> list[Line]:
    """10 participants from the round's parameters to the global model, over HTTP on one box."""
    length = run.scale.round_weights
    usual, eager = [], []
    with Server(settings(length, SUMS, UPDATES)) as server:
        for turn in range(run.scale.repeats + 1):
            run.tell(f"{SUMS + UPDATES} participants, {turn} of {run.scale.repeats}")
            played = [asyncio.run(play(server.url, delays)) for delays in (Delays(), _EAGER)]
            seconds = [each.took[1] for each in played]
            if turn:
                usual.append(seconds[0])
                eager.append(seconds[1])
    name = f"a round of {SUMS + UPDATES} participants, {length:,} weights"
    ours = Reading(name, tuple(usual), "s", "median")
    busy = Reading(f"{name}, asking every {_EAGER.poll * 1e3:g} ms", tuple(eager), "s", "median")
    target = Target(at_most=3) if run.scale.target(3) else None
    return [Line("round", ours, (), target), Line("round", busy)]


@dataclass(frozen=True)
class Played:
    """When all started, and when the first and the last of them had the global model; seconds."""

    begun: float
    first: float
    last: float

    @property
    def took(self) -> tuple[float, float]:
        """Until the first, and until the last of them had it."""
        return self.first - self.begun, self.last - self.begun


async def play(url: str, delays: Delays) -> Played:
    """One round, from the moment all start until each of them has the global model.

    Their roles are chosen beforehand by drawing keys until they fit; making their connections and
    training are left out.
    """
    async with AsyncExitStack() as stack:
        transports = [
            await stack.enter_async_context(HttpTransport(url)) for _ in range(SUMS + UPDATES)
        ]
        answers = [await each.fetch("GET", "params", {}, None, 4096) for each in transports]
        params = decode_params(answers[0].body)
        keys = [
            *islice(with_role(params, Role.SUM), SUMS),
            *islice(with_role(params, Role.UPDATE), UPDATES),
        ]
        begun = time.perf_counter()
        taking_part = [
            _take_part(Machine(key, random=os.urandom, rounds=1, delays=delays), each)
            for key, each in zip(keys, transports, strict=True)
        ]
        ended = await asyncio.gather(*taking_part)
    expected = await _weights(None, params)
    if not all(np.allclose(model, expected, atol=1e-6) for model, _ in ended):
        raise RuntimeError("a participant has another global model than the mean of this round")
    times = [when for _, when in ended]
    return Played(begun, min(times), max(times))


async def _take_part(machine: Machine, transport: HttpTransport) -> tuple[np.ndarray, float]:
    """The global model, and when it was there."""
    seen: list[np.ndarray] = []

    def observe(notice: Notice) -> None:
        if isinstance(notice, GlobalModel) and notice.weights is not None:
            seen.append(notice.weights)

    await drive(machine, transport, _weights, observe)
    return seen[-1], time.perf_counter()


async def _weights(_model: np.ndarray | None, params: RoundParameters) -> np.ndarray:
    """A model without training: the same for all, another in each round."""
    return np.linspace(-1, params.seed[0] / 255, params.model_length, dtype=np.float32)


ROWS: dict[str, Callable[[Run], list[Line]]] = {"round": whole_round}
