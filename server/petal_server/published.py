"""What the coordinator shows to everybody: immutable bytes with their ETag."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Self

from petal.round import RoundParameters
from petal.wire import encode_dictionary, encode_params
from petal_server.storage import GlobalModel
from petal_server.workers import Workers

OCTETS = "application/octet-stream"
NPY = "application/x-npy"


@dataclass(frozen=True)
class Published:
    """One answer's body; ``etag`` is made from its bytes and stands in quotes."""

    body: bytes = field(repr=False)
    etag: str
    media_type: str

    @classmethod
    def of(cls, body: bytes, media_type: str = OCTETS) -> Self:
        """Take ``body`` as it is."""
        return cls(body, f'"{sha256(body).hexdigest()[:32]}"', media_type)


def published_params(params: RoundParameters) -> Published:
    """The parameters of a round."""
    return Published.of(encode_params(params))


def published_sums(sums: dict[bytes, bytes]) -> Published:
    """The sum dictionary, ``{sum pk: ephemeral pk}``."""
    return Published.of(encode_dictionary(sums))


class PublishedSeeds:
    """The seed dictionary, encoded for a sum participant when it first asks."""

    def __init__(self, seeds: dict[bytes, dict[bytes, bytes]]) -> None:
        self._seeds = seeds
        self._encoded: dict[bytes, Published] = {}

    def of(self, sum_pk: bytes) -> Published | None:
        """This sum participant's ``{update pk: sealed seed}``; None for anybody else."""
        if sum_pk in self._seeds and sum_pk not in self._encoded:
            self._encoded[sum_pk] = Published.of(encode_dictionary(self._seeds[sum_pk]))
        return self._encoded.get(sum_pk)


@dataclass(frozen=True)
class Board:
    """All that GET routes serve; a phase replaces it as a whole."""

    params: Published | None = None
    sums: Published | None = None
    seeds: PublishedSeeds | None = None
    model_bincode: Published | None = None
    model_npy: Published | None = None
    model_id: str | None = None


async def with_model(board: Board, model: GlobalModel, workers: Workers) -> Board:
    """``board`` with another global model."""
    bincode = await workers.run(Published.of, model.bincode)
    npy = await workers.run(Published.of, model.npy, NPY)
    return replace(board, model_bincode=bincode, model_npy=npy, model_id=model.id)
