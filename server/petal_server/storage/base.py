"""The storage interface. Every backend passes the same contract suite (tests/server).

Each ``add_*`` checks and stores in one step: it stores everything or nothing, and says which.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum

from petal.crypto import EncryptionKeyPair
from petal.round import RoundParameters


class StorageError(Exception):
    """The store did not answer or lost something; the round cannot go on."""


class Stored(StrEnum):
    """What an ``add_*`` did."""

    ADDED = "added"
    REPLAYED = "replayed"
    UNKNOWN_SUM_PARTICIPANT = "unknown_sum_participant"
    SEED_DICTIONARY = "seed_dictionary"


@dataclass(frozen=True)
class CoordinatorState:
    """What makes a round: its number, its key pair and its public parameters."""

    round_id: int
    keys: EncryptionKeyPair = field(repr=False)
    params: RoundParameters


@dataclass(frozen=True)
class GlobalModel:
    """A finished round's model in both forms that are served.

    ``id`` is ``ROUND_SEEDHEX`` as in Xaynet, ``bincode`` the exact rationals, ``npy`` an array
    of the data type's dtype in numpy's file format.
    """

    id: str
    bincode: bytes = field(repr=False)
    npy: bytes = field(repr=False)


class Storage(ABC):
    """A coordinator's memory. Any method may raise :class:`StorageError`."""

    @abstractmethod
    async def set_coordinator_state(self, state: CoordinatorState) -> None:
        """Keep ``state`` in place of the one before."""

    @abstractmethod
    async def coordinator_state(self) -> CoordinatorState | None:
        """The state last set."""

    @abstractmethod
    async def add_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> Stored:
        """Add to the sum dictionary; ``REPLAYED`` if ``sum_pk`` is in it."""

    @abstractmethod
    async def sum_dictionary(self) -> dict[bytes, bytes]:
        """``{sum pk: ephemeral pk}`` of this round."""

    @abstractmethod
    async def add_local_seeds(self, update_pk: bytes, seeds: dict[bytes, bytes]) -> Stored:
        """Transpose ``{sum pk: sealed seed}`` into the seed dictionary.

        ``REPLAYED`` if ``update_pk`` has added before; ``SEED_DICTIONARY`` if the keys are not
        exactly the sum dictionary's.
        """

    @abstractmethod
    async def seed_dictionary(self) -> dict[bytes, dict[bytes, bytes]]:
        """``{sum pk: {update pk: sealed seed}}`` of this round; each sum pk has an entry."""

    @abstractmethod
    async def add_mask(self, sum_pk: bytes, mask: bytes) -> Stored:
        """Count a vote of ``sum_pk`` for a serialised mask.

        ``UNKNOWN_SUM_PARTICIPANT`` if it is not in the sum dictionary; ``REPLAYED`` if it has
        voted.
        """

    @abstractmethod
    async def best_masks(self) -> list[tuple[bytes, int]]:
        """At most two masks with their votes, most votes first."""

    @abstractmethod
    async def delete_dictionaries(self) -> None:
        """Empty the sum dictionary, the seed dictionary and the votes."""

    @abstractmethod
    async def set_global_model(self, model: GlobalModel) -> None:
        """Keep ``model`` and make it the latest.

        Raises:
            StorageError: There is a model with this id.
        """

    @abstractmethod
    async def global_model(self, model_id: str) -> GlobalModel | None:
        """The model with this id."""

    @abstractmethod
    async def latest_global_model(self) -> GlobalModel | None:
        """The model last set."""

    @abstractmethod
    async def check_ready(self) -> None:
        """Return if the store answers."""
