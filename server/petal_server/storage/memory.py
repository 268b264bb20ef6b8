"""A store in memory: everything is gone when the process ends."""

from collections import Counter, OrderedDict

from petal_server.storage.base import (
    CoordinatorState,
    GlobalModel,
    Storage,
    StorageError,
    Stored,
)


class MemoryStorage(Storage):
    """Keeps one round, and the ``keep_models`` latest global models.

    No method awaits inside, so each is one step to every other task of the event loop.
    """

    def __init__(self, keep_models: int = 2) -> None:
        self._state: CoordinatorState | None = None
        self._models: OrderedDict[str, GlobalModel] = OrderedDict()
        self._keep_models = keep_models
        self._empty_dictionaries()

    def _empty_dictionaries(self) -> None:
        self._sums: dict[bytes, bytes] = {}
        self._seeds: dict[bytes, dict[bytes, bytes]] = {}
        self._updated: set[bytes] = set()
        self._voted: set[bytes] = set()
        self._masks: Counter[bytes] = Counter()

    async def set_coordinator_state(self, state: CoordinatorState) -> None:
        self._state = state

    async def coordinator_state(self) -> CoordinatorState | None:
        return self._state

    async def add_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> Stored:
        if sum_pk in self._sums:
            return Stored.REPLAYED
        self._sums[sum_pk] = ephemeral_pk
        self._seeds[sum_pk] = {}
        return Stored.ADDED

    async def sum_dictionary(self) -> dict[bytes, bytes]:
        return dict(self._sums)

    async def add_local_seeds(self, update_pk: bytes, seeds: dict[bytes, bytes]) -> Stored:
        if update_pk in self._updated:
            return Stored.REPLAYED
        if seeds.keys() != self._sums.keys():
            return Stored.SEED_DICTIONARY
        self._updated.add(update_pk)
        for sum_pk, sealed in seeds.items():
            self._seeds[sum_pk][update_pk] = sealed
        return Stored.ADDED

    async def seed_dictionary(self) -> dict[bytes, dict[bytes, bytes]]:
        return {sum_pk: dict(seeds) for sum_pk, seeds in self._seeds.items()}

    async def add_mask(self, sum_pk: bytes, mask: bytes) -> Stored:
        if sum_pk not in self._sums:
            return Stored.UNKNOWN_SUM_PARTICIPANT
        if sum_pk in self._voted:
            return Stored.REPLAYED
        self._voted.add(sum_pk)
        self._masks[mask] += 1
        return Stored.ADDED

    async def best_masks(self) -> list[tuple[bytes, int]]:
        return self._masks.most_common(2)

    async def delete_dictionaries(self) -> None:
        self._empty_dictionaries()

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
