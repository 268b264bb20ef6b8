"""Stores that fail now and then: one that forgets when its process ends, one that does not."""

import asyncio
import inspect
import tempfile
from contextlib import contextmanager
from pathlib import Path

from petal_server.storage import MemoryStorage, SqliteStorage, StorageError

from .loop import InlineWorkers


class Misfortune:
    """Decides which calls fail, and counts them.

    Half of those that fail have been carried out, as when only the answer is lost.
    """

    def __init__(self, world):
        self._world, self._rng = world, world.rng("store")
        self.faults, self._away = 0, False

    @contextmanager
    def away(self):
        """Look without being seen: no call fails or takes time."""
        self._away = True
        try:
            yield
        finally:
            self._away = False

    async def around(self, name, work):
        """What `work()` gives, unless it is this call's turn to fail."""
        chance, seconds = self._world.faults.store, self._world.scenario.disk_seconds
        if self._away:
            chance = seconds = 0
        fails, done = self._rng.random() < chance, self._rng.random() < 0.5
        if seconds:
            await asyncio.sleep(self._rng.uniform(0, seconds))
        if fails and not done:
            self._fail(name)
        result = work()
        if inspect.isawaitable(result):
            result = await result
        if seconds:
            await asyncio.sleep(self._rng.uniform(0, seconds))
        if fails:
            self._fail(name)
        return result

    def _fail(self, name):
        self.faults += 1
        raise StorageError(f"the simulation made {name} fail")


class Forgetful:
    """A store in memory. Every call of a method may fail."""

    def __init__(self, misfortune):
        self._misfortune, self._store = misfortune, MemoryStorage()

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*args):
            return await self._misfortune.around(name, lambda: method(*args))

        return call

    def close(self):
        """There is nothing to let go of."""


class Disk(InlineWorkers):
    """Waits for the disk in the place of a thread. Every transaction and every read may fail."""

    def __init__(self, misfortune):
        super().__init__()
        self._misfortune, self._dead = misfortune, False

    async def run(self, work, *args):
        return await self._misfortune.around(work.__name__, lambda: self._alive(work, *args))

    async def _alive(self, work, *args):
        if self._dead:
            raise asyncio.CancelledError
        return work(*args)

    def close(self):
        """The process has ended: nothing that it began is written any more."""
        self._dead = True


class Stores:
    """The store of a world's coordinators, one after the other: durable or not."""

    def __init__(self, world):
        self.misfortune = Misfortune(world)
        self.durable = world.scenario.durable
        # Where there is a file system in memory: a disk would only be slower.
        memory = Path("/dev/shm")
        self._folder = (
            tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
            if self.durable
            else None
        )

    def open(self):
        """The store as a coordinator finds it that is started now."""
        if not self.durable:
            return Forgetful(self.misfortune)
        # Small bounds, so that a few small models make a checkpoint.
        return SqliteStorage(
            Path(self._folder.name),
            checkpoint_updates=2,
            keep_models=2,
            disk_worker=Disk(self.misfortune),
        )

    def close(self):
        if self._folder:
            self._folder.cleanup()
