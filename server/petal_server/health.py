"""Whether the coordinator lives and whether it can do its work, for whoever restarts and routes."""

import asyncio
import time

import structlog

from petal_server.machine import Machine
from petal_server.storage import Storage, StorageError

log = structlog.get_logger("petal.app")

PATIENCE = 2.0
"""Seconds that the store has to answer."""

KEPT_FOR = 1.0
"""Seconds for which an answer of the store stands: who asks often must not burden it."""


class Health:
    """Asks the machine and the store of one coordinator."""

    def __init__(self, machine: Machine, store: Storage) -> None:
        self._machine, self._store = machine, store
        self._asking = asyncio.Lock()
        self._answered, self._asked_at = False, -KEPT_FOR

    @property
    def lives(self) -> bool:
        """Whether rounds go on; if not, only a restart helps."""
        return self._machine.alive

    async def parts(self) -> dict[str, str]:
        """Each part of the coordinator, and ``ok`` or what is wrong with it."""
        return {
            "machine": "ok" if self.lives else "stopped",
            "store": "ok" if await self._store_answers() else "does not answer",
        }

    async def _store_answers(self) -> bool:
        async with self._asking:
            if time.monotonic() - self._asked_at >= KEPT_FOR:
                self._answered = await self._ask()
                self._asked_at = time.monotonic()
            return self._answered

    async def _probe(self) -> None:
        """Changes nothing, unlike ``check_ready``, which mends what is broken."""
        await self._store.commit()
        await self._store.global_model("")

    async def _ask(self) -> bool:
        try:
            await asyncio.wait_for(self._probe(), PATIENCE)
        except (StorageError, TimeoutError) as error:
            log.warning("the store does not answer", detail=str(error) or "no answer in time")
            return False
        return True
