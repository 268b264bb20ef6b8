"""The storage interface. Every backend passes the same contract suite (tests/server).

Each ``add_*`` checks and stores in one step: it stores everything or nothing, and says which.
What it stored is there at once for every other method, and outlives the process (where the
backend can do that) once ``commit`` has returned. All other methods return when theirs does.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum

from petal.crypto import EncryptionKeyPair
from petal.mask import Aggregation, MaskObject
from petal.round import RoundParameters
from petal.wire import Chunk, Tag


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
class StoredRound:
    """A round and where it stands: its phase, and when that began (seconds since the epoch)."""

    state: CoordinatorState
    phase: str
    began: float


@dataclass(frozen=True)
class StoredChunk:
    """A part of the unfinished message that the coordinator counts as ``message``."""

    message: int
    sender: bytes
    tag: Tag
    chunk: Chunk


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
    async def begin_round(self, state: CoordinatorState, phase: str, began: float) -> None:
        """Put a new round, with empty dictionaries, in place of the one before."""

    @abstractmethod
    async def enter_phase(self, phase: str, began: float) -> None:
        """The round is in another phase now; chunks of the phase before are forgotten."""

    @abstractmethod
    async def stored_round(self) -> StoredRound | None:
        """The round last begun, and where it stands."""

    @abstractmethod
    async def accepted(self) -> dict[Tag, int]:
        """How many messages of each kind were added to this round."""

    @abstractmethod
    async def has_added(self, tag: Tag, pk: bytes) -> bool:
        """Whether a participant's message of this kind was added to this round."""

    @abstractmethod
    async def add_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> Stored:
        """Add to the sum dictionary; ``REPLAYED`` if ``sum_pk`` is in it."""

    @abstractmethod
    async def sum_dictionary(self) -> dict[bytes, bytes]:
        """``{sum pk: ephemeral pk}`` of this round."""

    @abstractmethod
    async def add_update(
        self, update_pk: bytes, seeds: dict[bytes, bytes], model: MaskObject
    ) -> Stored:
        """Transpose ``{sum pk: sealed seed}`` into the seed dictionary and add the masked model,
        which the running sum has validated, to that sum: both or neither.

        ``REPLAYED`` if ``update_pk`` has added before; ``SEED_DICTIONARY`` if the keys are not
        exactly the sum dictionary's.
        """

    @abstractmethod
    async def seed_dictionary(self) -> dict[bytes, dict[bytes, bytes]]:
        """``{sum pk: {update pk: sealed seed}}`` of this round; each sum pk has an entry."""

    @abstractmethod
    async def running_sum(self) -> Aggregation:
        """The sum of this round's masked models: itself, no copy; only ``add_update`` adds."""

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
    async def number_of_masks(self) -> int:
        """How many different masks were voted for."""

    @abstractmethod
    async def add_chunk(self, chunk: StoredChunk) -> None:
        """Keep a part of an unfinished message; nothing changes if it is there already."""

    @abstractmethod
    async def drop_chunks(self, message: int) -> None:
        """Forget all parts of a message; a crash before ``commit`` may bring them back."""

    @abstractmethod
    async def chunks(self) -> list[StoredChunk]:
        """The parts of all unfinished messages, message by message."""

    @abstractmethod
    async def commit(self) -> None:
        """Return when everything that was added before this call outlives the process.

        Many calls at a time cost the disk as much as one.
        """

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
        """Return if the store answers.

        After an error this mends it, if that can be done; the round that was under way may be
        gone then, so that a new one must begin.
        """
