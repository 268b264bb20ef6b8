"""A tab's participant while it takes part: pauses, keeping, masks in workers, exhausted memory."""

import contextlib
import functools
import inspect

import petal_host
from pyodide.ffi import JsException, to_js

from petal.client import kernel, page, seen
from petal.client.driver import Trainer, drive
from petal.client.enrolment import Enrolment
from petal.client.javascript import to_javascript
from petal.client.transport import Transport
from petal.errors import ParticipantError
from petal.participant import Event, Machine, ModelMasked, Post, Request, Work, carry_out


class _Paused(Exception):
    """Not now: leave the request, and begin again with a look at the round."""


async def take_part(
    machine: Machine, transport: Transport, trainer: Trainer, enrolment: Enrolment, *, keep: bool
) -> None:
    """Until cancelled; `keep` has the page keep the participant. Raises MemoryError."""
    keeper = Keeper(machine) if keep else None
    if keeper:
        await keeper.before()
    petal_host.begun()
    before = functools.partial(_before, keeper)
    while True:
        await petal_host.turn()
        with contextlib.suppress(_Paused):
            return await drive(
                machine,
                transport,
                _watched(trainer),
                page.tell,
                enrolment=enrolment,
                work=_work,
                before=before,
            )


_exhausted: MemoryError | None = None


def _watched(trainer: Trainer) -> Trainer:
    """`trainer`, after which `_before` ends the run if it was out of memory: the heap of a tab
    never shrinks, so the next round would fail as well. The page takes a new worker."""

    async def train(model, params):
        global _exhausted
        try:
            result = trainer(model, params)
            return await result if inspect.isawaitable(result) else result
        except MemoryError as error:
            _exhausted = error
            raise

    return train


async def _before(keeper: "Keeper | None", request: Request) -> None:
    if keeper:
        await keeper.before(request)
    if _exhausted:
        raise _exhausted
    if petal_host.paused():
        raise _Paused


class Keeper:
    """Writes the participant down before anything leaves, so that a reload sends nothing twice.

    ParticipantError where that fails and there is a privacy budget: it would forget what is spent.
    """

    def __init__(self, machine: Machine):
        self._machine = machine
        self._kept = None

    async def before(self, request: Request | None = None) -> None:
        """Awaits the writing of what changed since the last time; `request` comes next."""
        try:
            await self._write(request)
        except JsException as error:
            raise ParticipantError(str(error.message)) from error

    async def _write(self, request: Request | None) -> None:
        machine = self._machine
        now = (machine.state, machine.params and machine.params.seed)
        if now != self._kept:
            await petal_host.keep(to_js(machine.save()), machine.privacy is not None)
        elif isinstance(request, Post):  # the megabytes that are sent are kept already
            await petal_host.keepProgress(to_js(machine.save_progress()))
        self._kept = now


async def _work(request: Work) -> Event:
    event = await kernel.work(request) if kernel.available() else carry_out(request)
    if isinstance(event, ModelMasked):
        petal_host.emit("masked", to_javascript(seen.side_by_side(request, event)))
    return event
