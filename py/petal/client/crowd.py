"""Many dummy participants at once: `petal test-drive`."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from petal.client.authority import Authority
from petal.client.driver import drive
from petal.client.enrolment import Enrolment
from petal.client.http import HttpTransport
from petal.crypto import SigningKeyPair
from petal.errors import EnrolmentError
from petal.participant import (
    Delivered,
    GlobalModel,
    Machine,
    NewRound,
    Notice,
    Refused,
    RoleChosen,
    Unavailable,
    Warning,
)
from petal.round import Role, RoundParameters

# Draws the weights of participant `number` of `count`, within [-top, top].
Kind = Callable[[np.random.Generator, int, int, int, float], np.ndarray]

_DAY = 86400.0


def _random(generator, length, number, count, top):
    return generator.uniform(-top, top, length)


def _constant(generator, length, number, count, top):
    return np.full(length, top * (number + 1) / count)


def _zero(generator, length, number, count, top):
    return np.zeros(length)


KINDS: dict[str, Kind] = {"random": _random, "constant": _constant, "zero": _zero}


@dataclass
class _Round:
    """What the crowd saw of one round."""

    began: float
    roles: Counter = field(default_factory=Counter)
    delivered: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)

    def __str__(self) -> str:
        roles, sent = self.roles, self.delivered
        refused = ", ".join(f"{count} {reason}" for reason, count in self.refused.items())
        return (
            f"{roles[Role.SUM]} sum, {roles[Role.UPDATE]} update, {roles[Role.NONE]} without a "
            f"role; taken: {sent['sum']} sum, {sent['update']} update, {sent['sum2']} sum2"
            + (f"; refused: {refused}" if refused else "")
            + f"; {time.monotonic() - self.began:.1f} s"
        )


class Crowd:
    """`count` participants in one event loop; `tell` is given a line at a time."""

    def __init__(
        self,
        count: int,
        kind: Kind,
        seed: int,
        rounds: int | None,
        max_message_size: int,
        tell: Callable[[str], None],
        authority: Authority | None = None,
    ):
        self._count, self._kind, self._seed = count, kind, seed
        self._options = {"rounds": rounds, "max_message_size": max_message_size}
        self._tell, self._authority = tell, authority
        self._current: tuple[bytes, _Round] | None = None
        self._over: _Round | None = None
        self._ended = 0
        self._told: set[str] = set()

    async def take_part(self, transport: HttpTransport) -> None:
        """Drive all of them until their rounds are over; EnrolmentError if not admitted."""
        try:
            async with transport, asyncio.TaskGroup() as group:
                for number in range(self._count):
                    group.create_task(self._member(number, transport))
        except ExceptionGroup as errors:
            refused, others = errors.split(EnrolmentError)
            if others:
                raise
            raise refused.exceptions[0] from None
        self._tell(f"done: {self._ended} rounds")

    async def _member(self, number: int, transport: HttpTransport) -> None:
        machine = Machine(SigningKeyPair.generate(), random=os.urandom, **self._options)
        generator = np.random.default_rng([self._seed, number])

        async def train(_model, params: RoundParameters) -> np.ndarray:
            return self._weights(generator, number, params)

        def observe(notice: Notice) -> None:
            self._observe(machine, notice)

        enrolment = Enrolment(self._token if self._authority else None, machine.public_key)
        await drive(machine, transport, train, observe, enrolment=enrolment)

    def _token(self, public_key: bytes) -> str:
        return self._authority.token(public_key, _DAY)

    def _weights(self, generator, number: int, params: RoundParameters) -> np.ndarray:
        dtype = params.mask_config.vect.data.dtype
        # Within every bound, and large enough that whole numbers differ.
        top = 1.0 if dtype.kind == "f" else float(min(100, params.mask_config.vect.add_shift))
        drawn = self._kind(generator, params.model_length, number, self._count, top)
        return (np.rint(drawn) if dtype.kind == "i" else drawn).astype(dtype)

    def _observe(self, machine: Machine, notice: Notice) -> None:
        match notice:
            case NewRound():
                self._enter(notice)
            case RoleChosen():
                self._round_of(machine).roles[notice.role] += 1
            case Delivered():
                self._round_of(machine).delivered[notice.stage] += 1
            case Refused():
                self._round_of(machine).refused[f"{notice.stage} ({notice.reason})"] += 1
            case GlobalModel() if self._over:
                self._finish(notice.weights)
            case Unavailable():
                self._once(notice.reason)
            case Warning():
                self._once(str(notice))

    def _enter(self, notice: NewRound) -> None:
        if self._current and self._current[0] == notice.params.seed:
            return
        if self._current:
            self._over = self._current[1]
        self._current = notice.params.seed, _Round(time.monotonic())
        self._told.clear()

    def _round_of(self, machine: Machine) -> _Round:
        """The machine's round; one that is behind the others counts for a round that is told."""
        seed, current = self._current
        return current if machine.params.seed == seed else _Round(0)

    def _finish(self, model: np.ndarray | None) -> None:
        over, self._over = self._over, None
        self._ended += 1
        shown = "no global model"
        if model is not None:
            shown = f"global model mean {model.mean():.6g}, {model.min():.6g} to {model.max():.6g}"
        self._tell(f"round {self._ended} over: {over}; {shown}")

    def _once(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            self._tell(reason)
