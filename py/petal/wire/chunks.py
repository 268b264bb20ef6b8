"""Messages in parts: a payload too large for one message, cut, sent and put together again."""

from dataclasses import dataclass, field

from petal.errors import DecodeError
from petal.wire.cursor import Cursor

CHUNK_HEADER_SIZE = 8
MAX_CHUNKS = 1 << 16
_LAST = 1


@dataclass(frozen=True)
class Chunk:
    """One part: chunk id from 0, message id (the same in all parts), whether it is the last."""

    chunk_id: int
    message_id: int
    last: bool
    data: bytes | memoryview = field(repr=False)

    def to_bytes(self) -> bytes:
        head = self.chunk_id.to_bytes(2, "big") + self.message_id.to_bytes(2, "big")
        return b"".join((head, bytes((self.last, 0, 0, 0)), self.data))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Chunk":
        cursor = Cursor(data, "chunk")
        ids = cursor.uint(2, "big"), cursor.uint(2, "big")
        flags = cursor.uint(1)
        if flags > _LAST:
            raise DecodeError(f"chunk: no such flags: {flags}")
        cursor.zeros(3)
        return cls(*ids, flags == _LAST, cursor.rest)


class Assembler:
    """Collects the chunks of one message, in any order, up to `max_bytes` of data."""

    def __init__(self, max_bytes: int):
        self.nbytes = 0
        self._max_bytes = max_bytes
        self._parts: dict[int, bytes] = {}
        self._count: int | None = None

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, chunk: Chunk) -> bytes | None:
        """The whole payload once all chunks are there, until then None.

        A chunk sent again is fine; a different one with its id, one behind the last, or more data
        than is allowed is a DecodeError, and leaves what was collected as it was.
        """
        known = self._parts.get(chunk.chunk_id)
        if known is None:
            self._insert(chunk)
        elif known != chunk.data or chunk.last != (self._count == chunk.chunk_id + 1):
            raise DecodeError(f"chunk {chunk.chunk_id} came twice with different content")
        if len(self._parts) != self._count:
            return None
        return b"".join(self._parts[i] for i in range(self._count))

    def _insert(self, chunk: Chunk) -> None:
        self._check(chunk)
        if chunk.last:
            self._count = chunk.chunk_id + 1
        self._parts[chunk.chunk_id] = bytes(chunk.data)
        self.nbytes += len(chunk.data)

    def _check(self, chunk: Chunk) -> None:
        if self.nbytes + len(chunk.data) > self._max_bytes:
            raise DecodeError(f"a message in parts has more than {self._max_bytes} bytes")
        if not len(chunk.data) and not chunk.last:
            raise DecodeError(f"chunk {chunk.chunk_id} is empty")
        behind = self._count is not None and (chunk.last or chunk.chunk_id >= self._count)
        if behind or (chunk.last and max(self._parts, default=-1) > chunk.chunk_id):
            raise DecodeError(f"chunk {chunk.chunk_id} does not fit the last chunk")
