"""One round in memory: what every ``add_*`` checks, whatever keeps it beyond the process."""

from collections import Counter

from petal.mask import Aggregation
from petal.round import RoundParameters
from petal.wire import Tag
from petal_server.storage.base import Stored


class RoundMemory:
    """Dictionaries, votes and the running sum.

    Nothing here waits, so each call is one step to every other task of the event loop.
    """

    def __init__(self, params: RoundParameters) -> None:
        self.sums: dict[bytes, bytes] = {}
        self.running_sum = Aggregation(params.mask_config, params.model_length)
        self._seeds: dict[bytes, dict[bytes, bytes]] = {}
        self._updated: set[bytes] = set()
        self._voted: set[bytes] = set()
        self._masks: Counter[bytes] = Counter()

    def has(self, tag: Tag, pk: bytes) -> bool:
        return pk in {Tag.SUM: self.sums, Tag.UPDATE: self._updated, Tag.SUM2: self._voted}[tag]

    def add_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> Stored:
        if sum_pk in self.sums:
            return Stored.REPLAYED
        self.sums[sum_pk] = ephemeral_pk
        self._seeds[sum_pk] = {}
        return Stored.ADDED

    def add_seeds(self, update_pk: bytes, seeds: dict[bytes, bytes]) -> Stored:
        if update_pk in self._updated:
            return Stored.REPLAYED
        if seeds.keys() != self.sums.keys():
            return Stored.SEED_DICTIONARY
        self._updated.add(update_pk)
        for sum_pk, sealed in seeds.items():
            self._seeds[sum_pk][update_pk] = sealed
        return Stored.ADDED

    def seed_dictionary(self) -> dict[bytes, dict[bytes, bytes]]:
        return {sum_pk: dict(seeds) for sum_pk, seeds in self._seeds.items()}

    def add_mask(self, sum_pk: bytes, mask: bytes) -> Stored:
        if sum_pk not in self.sums:
            return Stored.UNKNOWN_SUM_PARTICIPANT
        if sum_pk in self._voted:
            return Stored.REPLAYED
        self._voted.add(sum_pk)
        self._masks[mask] += 1
        return Stored.ADDED

    def best_masks(self) -> list[tuple[bytes, int]]:
        return self._masks.most_common(2)

    @property
    def number_of_masks(self) -> int:
        return len(self._masks)

    @property
    def accepted(self) -> dict[Tag, int]:
        """How many of each kind are in."""
        counts = len(self.sums), len(self._updated), len(self._voted)
        return dict(zip((Tag.SUM, Tag.UPDATE, Tag.SUM2), counts, strict=True))
