"""A payload on its way out: signed and sealed part by part, each when it is asked for."""

import os

from petal.crypto import SEAL_OVERHEAD, RandomBytes, SigningKeyPair, seal
from petal.wire.chunks import CHUNK_HEADER_SIZE, MAX_CHUNKS, Chunk
from petal.wire.messages import HEADER_SIZE, sign_message
from petal.wire.payloads import Tag

_AROUND = HEADER_SIZE + SEAL_OVERHEAD
MIN_MESSAGE_SIZE = _AROUND + CHUNK_HEADER_SIZE + 1


class Upload:
    """The sealed messages that carry one payload: one if it fits, else as many as are needed.

    `max_message_size` bounds a sealed message in bytes; `message_id` (u16) marks its parts.
    """

    def __init__(
        self,
        keys: SigningKeyPair,
        coordinator_pk: bytes,
        tag: Tag,
        payload: bytes,
        *,
        max_message_size: int,
        message_id: int,
        random: RandomBytes = os.urandom,
    ):
        if max_message_size < MIN_MESSAGE_SIZE:
            raise ValueError(f"a message needs {MIN_MESSAGE_SIZE} bytes at the least")
        self._keys, self._coordinator_pk, self._tag = keys, coordinator_pk, tag
        self._payload, self._message_id, self._random = payload, message_id, random
        self._multipart = _AROUND + len(payload) > max_message_size
        self._size = max_message_size - _AROUND - CHUNK_HEADER_SIZE
        if len(self) > MAX_CHUNKS:
            raise ValueError(f"{len(payload)} bytes need more than {MAX_CHUNKS} parts")

    def __len__(self) -> int:
        return -(-len(self._payload) // self._size) if self._multipart else 1

    def sealed(self, index: int) -> bytes:
        """The index-th message, ready to be POSTed."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = self._part(index) if self._multipart else self._payload
        signed = sign_message(self._keys, self._coordinator_pk, self._tag, part, self._multipart)
        return seal(self._coordinator_pk, signed, self._random)

    def _part(self, index: int) -> bytes:
        data = memoryview(self._payload)[index * self._size : (index + 1) * self._size]
        return Chunk(index, self._message_id, index == len(self) - 1, data).to_bytes()
