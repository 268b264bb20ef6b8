"""A participant in a thread of its own: what both of Xaynet's participant classes stand on."""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence

from petal.client.driver import Trainer, drive
from petal.client.http import HttpTransport, check_url
from petal.client.xaynet_sdk import (
    ParticipantInit,
    ParticipantRestore,
    UninitializedParticipant,
)
from petal.crypto import SigningKeyPair
from petal.errors import SnapshotError, WeightsError
from petal.participant import Machine, Notice, TrainingDeferred, Unavailable
from petal.participant import Warning as Trouble
from petal.participant.notices import Refused, WeightsClamped

# The name under which Xaynet's users configure it.
LOG = logging.getLogger("participant")


class BackgroundParticipant(threading.Thread):
    """Drives a machine until `stop`. Subclasses train and observe, in this thread."""

    # Each subclass defines it. An abstract method would add members that Xaynet's classes lack.
    _train: Trainer

    def __init__(self, coordinator_url: str, state: Sequence[int] | None, scalar: float):
        self._url = coordinator_url
        self._machine = _make(coordinator_url, state, scalar)
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task | None = None
        self._lock = threading.Lock()
        super().__init__(daemon=True)

    def run(self) -> None:
        """Take part until stopped; an error in the user's code is logged and ends it."""
        try:
            asyncio.run(self._take_part())
        except asyncio.CancelledError:
            LOG.debug("participant stopped")
        except Exception as error:  # noqa: BLE001, the user's callbacks may raise anything
            self._failure = error
        finally:
            self._stopped.set()
        if self._failure:
            error = self._failure
            LOG.error("unrecoverable error: %s shut down participant", error, exc_info=error)

    async def _take_part(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stopping.is_set():
            return
        async with HttpTransport(self._url) as transport:
            await drive(self._machine, transport, self._train_or_end, self._observe)

    async def _train_or_end(self, model, params):
        """Unlike petal's own driver, Xaynet's participants end when the user's code raises."""
        try:
            return await self._train(model, params)
        except Exception as error:  # noqa: BLE001, the user's code may raise anything
            self._failure = error
            self._task.cancel()
            return TrainingDeferred()

    def _observe(self, notice: Notice) -> None:
        level = logging.INFO
        if isinstance(notice, Trouble | Refused | WeightsClamped | Unavailable):
            level = logging.WARNING
        LOG.log(level, "%s", notice)

    def _living(self) -> Machine:
        if self._machine is None:
            raise UninitializedParticipant("the participant was stopped and cannot be used again")
        return self._machine

    def _stop_and_save(self) -> list[int]:
        with self._lock:
            machine = self._living()
            self._stopping.set()
            if self._loop and not self._loop.is_closed():
                self._cancel()
            # From one of its own callbacks the participant cannot wait for its own end.
            if threading.current_thread() is not self and self.ident:
                self._stopped.wait()
            self._machine = None
        return list(machine.save())

    def _cancel(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._task.cancel)
        except RuntimeError:
            LOG.debug("the participant ended by itself just now")


def _make(url: str, state: Sequence[int] | None, scalar: float) -> Machine:
    error = ParticipantInit if state is None else ParticipantRestore
    try:
        check_url(url)
        if state is not None:
            return Machine.restore(bytes(state), random=os.urandom)
        return Machine(SigningKeyPair.generate(), random=os.urandom, scalar=scalar)
    except (SnapshotError, WeightsError, ValueError, TypeError) as cause:
        verb = "restore" if state is not None else "initialize"
        raise error(f"failed to {verb} participant: {cause}") from cause
