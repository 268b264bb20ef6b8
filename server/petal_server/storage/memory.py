"""A store in memory: everything is gone when the process ends."""

from collections import OrderedDict
from dataclasses import replace

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
from petal_server.storage.round_memory import RoundMemory
from petal_server.workers import Workers


class MemoryStorage(Storage):
    """Keeps one round, and the ``keep_models`` latest global models.

    Masked models are added in ``workers``; without them, at once.
    """

    def __init__(self, workers: Workers | None = None, keep_models: int = 2) -> None:
        self._workers, self._keep_models = workers, keep_models
        self._stored: StoredRound | None = None
        self._memory: RoundMemory | None = None
        self._chunks: dict[int, dict[int, StoredChunk]] = {}
        self._models: OrderedDict[str, GlobalModel] = OrderedDict()

    @property
    def _round(self) -> RoundMemory:
        if self._memory is None:
            raise StorageError("no round has begun")
        return self._memory

    async def begin_round(self, state: CoordinatorState, phase: str, began: float) -> None:
        self._stored = StoredRound(state, phase, began)
        self._memory, self._chunks = RoundMemory(state.params), {}

    async def enter_phase(self, phase: str, began: float) -> None:
        if self._stored is None:
            raise StorageError("no round has begun")
        self._stored = replace(self._stored, phase=phase, began=began)
        self._chunks = {}

    async def stored_round(self) -> StoredRound | None:
        return self._stored

    async def accepted(self) -> dict[Tag, int]:
        return self._round.accepted

    async def has_added(self, tag: Tag, pk: bytes) -> bool:
        return self._round.has(tag, pk)

    async def add_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> Stored:
        return self._round.add_sum_participant(sum_pk, ephemeral_pk)

    async def sum_dictionary(self) -> dict[bytes, bytes]:
        return dict(self._round.sums)

    async def add_update(
        self, update_pk: bytes, seeds: dict[bytes, bytes], model: MaskObject
    ) -> Stored:
        memory = self._round
        stored = memory.add_seeds(update_pk, seeds)
        if stored is Stored.ADDED and self._workers:
            await self._workers.run(memory.running_sum.add, model)
        elif stored is Stored.ADDED:
            memory.running_sum.add(model)
        return stored

    async def seed_dictionary(self) -> dict[bytes, dict[bytes, bytes]]:
        return self._round.seed_dictionary()

    async def running_sum(self) -> Aggregation:
        return self._round.running_sum

    async def add_mask(self, sum_pk: bytes, mask: bytes) -> Stored:
        return self._round.add_mask(sum_pk, mask)

    async def best_masks(self) -> list[tuple[bytes, int]]:
        return self._round.best_masks()

    async def number_of_masks(self) -> int:
        return self._round.number_of_masks

    async def add_chunk(self, chunk: StoredChunk) -> None:
        self._chunks.setdefault(chunk.message, {}).setdefault(chunk.chunk.chunk_id, chunk)

    async def drop_chunks(self, message: int) -> None:
        self._chunks.pop(message, None)

    async def chunks(self) -> list[StoredChunk]:
        return [chunk for message in self._chunks.values() for chunk in message.values()]

    async def commit(self) -> None:
        return None

    async def set_global_model(self, model: GlobalModel) -> None:
        if model.id in self._models:
            raise StorageError(f"there is a global model {model.id} already")
        self._models[model.id] = model
        while len(self._models) > self._keep_models:
            self._models.popitem(last=False)

    async def global_model(self, model_id: str) -> GlobalModel | None:
        return self._models.get(model_id)

    async def latest_global_model(self) -> GlobalModel | None:
        return next(reversed(self._models.values()), None)

    async def check_ready(self) -> None:
        return None
