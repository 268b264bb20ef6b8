"""The durable store: SQLite and a journal in a folder, and one round of it in memory as well.

Each ``add_*`` is decided in memory and written behind; ``commit`` waits for the disk. While one
transaction is being written, everything that comes meanwhile gathers for the next: as many
messages as there are share one wait for the disk.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from petal.mask import Aggregation, MaskObject
from petal.wire import Tag
from petal_server.storage.base import (
    CoordinatorState,
    GlobalModel,
    Storage,
    StorageError,
    Stored,
    StoredChunk,
    StoredRound,
)
from petal_server.storage.disk import Disk, Step
from petal_server.storage.round_memory import RoundMemory
from petal_server.workers import Workers

T = TypeVar("T")


class SqliteStorage(Storage):
    """A coordinator's memory in ``folder``, which no second process may use meanwhile.

    ``disk_worker`` (by default a thread) does all that waits for the disk; masked models are
    added in ``workers``, without them at once. After ``checkpoint_size`` bytes or
    ``checkpoint_updates`` masked models the running sum is written down, so that a restart has no
    more than that to add up again. Of the global models ``keep_models`` are kept; 0 keeps all.

    Raises:
        StorageError: The folder cannot be used, or what is in it; the text says what to do.
    """

    def __init__(
        self,
        folder: Path,
        *,
        restore: bool = True,
        keep_models: int = 0,
        checkpoint_size: int = 64 * 2**20,
        checkpoint_updates: int = 10_000,
        workers: Workers | None = None,
        disk_worker: Workers | None = None,
    ) -> None:
        self._checkpoint_size, self._checkpoint_updates = checkpoint_size, checkpoint_updates
        self._stored: StoredRound | None = None
        self._memory: RoundMemory | None = None
        self._since_checkpoint = 0
        self._steps: list[Step] = []
        self._asked = self._kept = 0
        self._writing: asyncio.Task[None] | None = None
        self._broken: StorageError | None = None
        self._disk = Disk(folder, keep_models)
        try:
            self._load(restore)
        except StorageError:
            self._disk.close()
            raise
        self._workers, self._disk_worker = workers, disk_worker or Workers(1)

    def _load(self, restore: bool) -> None:
        if not restore:
            self._disk.forget_round()
        # Read here, so that a model that is lost ends the start and not the first round.
        self._disk.latest_model()
        if found := self._disk.load_round():
            self._stored, self._memory = found
            models = self._memory.running_sum.nb_models
            self._since_checkpoint = models - self._disk.checkpointed

    def close(self) -> None:
        """Let go of the folder; what was not committed is lost."""
        self._disk_worker.close()
        self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- writing behind ----

    def _check(self) -> None:
        if self._broken is not None:
            raise StorageError(str(self._broken))

    def _write(self, step: Step) -> None:
        self._check()
        self._steps.append(step)
        self._asked += 1

    async def _write_through(self, step: Step) -> None:
        self._write(step)
        await self.commit()

    async def commit(self) -> None:
        wanted = self._asked
        self._check()
        while self._kept < wanted:
            if self._writing is None:
                self._writing = asyncio.create_task(self._flush(), name="petal storage")
            # Whoever asks may go away; the transaction is everybody's.
            await asyncio.shield(self._writing)
            self._check()

    async def _flush(self) -> None:
        steps, self._steps, upto = self._steps, [], self._asked
        try:
            await self._disk_worker.run(self._disk.write, steps)
            self._kept = upto
        except BaseException as error:
            # Whatever it was: these steps are lost, so nothing after them may count.
            known = isinstance(error, StorageError)
            self._broken = error if known else StorageError(f"writing ended with {error!r}")
            raise
        finally:
            self._writing = None

    async def check_ready(self) -> None:
        if self._broken is None:
            return
        self._stored = self._memory = None
        await self._disk_worker.run(self._disk.reopen)
        self._steps.clear()
        self._kept, self._broken = self._asked, None

    async def _read(self, read: Callable[..., T], *args: object) -> T:
        self._check()
        return await self._disk_worker.run(read, *args)

    async def _work(self, work: Callable[..., T], *args: object) -> T:
        return await self._workers.run(work, *args) if self._workers else work(*args)

    # ---- the round ----

    @property
    def _round(self) -> RoundMemory:
        self._check()
        if self._memory is None:
            raise StorageError("no round has begun")
        return self._memory

    async def begin_round(self, state: CoordinatorState, phase: str, began: float) -> None:
        new = StoredRound(state, phase, began)
        await self._write_through(lambda tables: self._disk.begin_round(tables, new))
        self._stored = new
        self._memory, self._since_checkpoint = RoundMemory(state.params), 0

    async def enter_phase(self, phase: str, began: float) -> None:
        if self._stored is None:
            raise StorageError("no round has begun")
        self._stored = replace(self._stored, phase=phase, began=began)
        await self._write_through(lambda tables: tables.put_phase(phase, began))

    async def stored_round(self) -> StoredRound | None:
        return self._stored

    async def accepted(self) -> dict[Tag, int]:
        return self._round.accepted

    async def has_added(self, tag: Tag, pk: bytes) -> bool:
        return self._round.has(tag, pk)

    async def add_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> Stored:
        stored = self._round.add_sum_participant(sum_pk, ephemeral_pk)
        if stored is Stored.ADDED:
            self._write(lambda tables: tables.put_sum_participant(sum_pk, ephemeral_pk))
        return stored

    async def sum_dictionary(self) -> dict[bytes, bytes]:
        return dict(self._round.sums)

    async def add_update(
        self, update_pk: bytes, seeds: dict[bytes, bytes], model: MaskObject
    ) -> Stored:
        memory = self._round
        stored = memory.add_seeds(update_pk, seeds)
        if stored is Stored.ADDED:
            values = memory.accepted[Tag.UPDATE], update_pk, [seeds[pk] for pk in memory.sums]
            self._write(lambda tables: self._disk.add_update(tables, *values, model))
            await self._work(memory.running_sum.add, model)
            await self._checkpoint_if_due(memory.running_sum)
        return stored

    async def _checkpoint_if_due(self, running: Aggregation) -> None:
        self._since_checkpoint += 1
        size = self._since_checkpoint * len(running) * running.config.vect.bytes_per_number
        if size >= self._checkpoint_size or self._since_checkpoint >= self._checkpoint_updates:
            self._since_checkpoint = 0
            number, total = running.nb_models, await self._work(running.object)
            self._write(lambda _: self._disk.checkpoint(number, total))

    async def seed_dictionary(self) -> dict[bytes, dict[bytes, bytes]]:
        return self._round.seed_dictionary()

    async def running_sum(self) -> Aggregation:
        return self._round.running_sum

    async def add_mask(self, sum_pk: bytes, mask: bytes) -> Stored:
        stored = self._round.add_mask(sum_pk, mask)
        if stored is Stored.ADDED:
            self._write(lambda tables: tables.put_vote(sum_pk, mask))
        return stored

    async def best_masks(self) -> list[tuple[bytes, int]]:
        return self._round.best_masks()

    async def number_of_masks(self) -> int:
        return self._round.number_of_masks

    # ---- chunks and models ----

    async def add_chunk(self, chunk: StoredChunk) -> None:
        self._write(lambda tables: tables.put_chunk(chunk))

    async def drop_chunks(self, message: int) -> None:
        self._write(lambda tables: tables.drop_chunks(message))

    async def chunks(self) -> list[StoredChunk]:
        await self.commit()
        return await self._read(self._disk.chunks)

    async def set_global_model(self, model: GlobalModel) -> None:
        if await self._read(self._disk.has_model, model.id):
            raise StorageError(f"there is a global model {model.id} already")
        await self._write_through(lambda tables: self._disk.set_model(tables, model))

    async def global_model(self, model_id: str) -> GlobalModel | None:
        return await self._read(self._disk.model, model_id)

    async def latest_global_model(self) -> GlobalModel | None:
        return await self._read(self._disk.latest_model)
