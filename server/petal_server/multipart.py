"""Messages that arrive in chunks: put together again, and bounded on every side."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from petal.errors import DecodeError
from petal.wire import Assembler, Chunk, Tag
from petal_server.outcome import Reason, Rejection
from petal_server.settings import MultipartSettings
from petal_server.storage import StoredChunk

CHUNK_COST = 128
"""Bytes counted for a kept chunk on top of its data, so that many tiny ones are not free."""


Change = StoredChunk | int
"""A chunk that was kept, or the number of a message that was dropped."""


@dataclass
class _Unfinished:
    number: int
    tag: Tag
    assembler: Assembler
    cost: int = 0


class Reassembly:
    """Unfinished messages by sender; ``max_message_size`` bounds one whole payload in bytes.

    Not for several threads. Emptied when the phase changes, since a message belongs to one phase.
    What a store must do to hold the same is noted down until ``take_changes`` asks for it.
    """

    def __init__(
        self,
        bounds: MultipartSettings,
        max_message_size: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds, self._now = bounds, now
        self._being_handled = 0
        self._max_message_size = max_message_size
        self._last_number = 0
        self.clear()

    def clear(self) -> None:
        """Forget all unfinished messages."""
        self._by_age: OrderedDict[tuple[bytes, int], float] = OrderedDict()
        self._senders: dict[bytes, OrderedDict[int, _Unfinished]] = {}
        self._changes: list[Change] = []
        self.messages = 0
        self.total_size = 0

    def add(self, sender: bytes, tag: Tag, chunk: Chunk) -> bytes | None:
        """Keep ``chunk``; the whole payload once it is complete.

        Raises:
            Rejection: ``MULTIPART`` if the chunk contradicts the ones before (the message is
                dropped), ``MULTIPART_FULL`` if a bound is reached.
        """
        self._drop_stale()
        size = self.total_size + self._being_handled + len(chunk.data) + CHUNK_COST
        if size > self._bounds.max_total_size:
            raise Rejection(Reason.MULTIPART_FULL)
        # One copy, apart from the message it came in, for the assembler and the store.
        chunk = replace(chunk, data=bytes(chunk.data))
        message = self._message(sender, tag, chunk.message_id)
        self._touch(sender, chunk.message_id)
        try:
            payload = self._insert(message, tag, chunk)
        except DecodeError as error:
            self._drop(sender, chunk.message_id)
            raise Rejection(Reason.MULTIPART, str(error)) from error
        if payload is None:
            self._changes.append(StoredChunk(message.number, sender, tag, chunk))
        else:
            self._drop(sender, chunk.message_id)
        return payload

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Count a payload just completed, of ``size`` bytes, until it is dealt with."""
        self._being_handled += size
        try:
            yield
        finally:
            self._being_handled -= size

    def take_changes(self) -> list[Change]:
        """What happened since this was last asked, in order."""
        changes, self._changes = self._changes, []
        return changes

    def restore(self, chunks: Iterable[StoredChunk]) -> None:
        """Take up what a store holds."""
        self.clear()
        for stored in chunks:
            own = self._senders.setdefault(stored.sender, OrderedDict())
            message = own.get(stored.chunk.message_id)
            if message is None:
                message = self._begin(own, stored.tag, stored.chunk.message_id, stored.message)
            self._touch(stored.sender, stored.chunk.message_id)
            self._insert(message, stored.tag, stored.chunk)

    def _touch(self, sender: bytes, message_id: int) -> None:
        self._by_age[sender, message_id] = self._now()
        self._by_age.move_to_end((sender, message_id))

    def _drop_stale(self) -> None:
        limit = self._now() - self._bounds.timeout
        while self._by_age and next(iter(self._by_age.values())) < limit:
            self._drop(*next(iter(self._by_age)))

    def _insert(self, message: _Unfinished, tag: Tag, chunk: Chunk) -> bytes | None:
        if message.tag is not tag:
            raise DecodeError("chunks of one message differ in their tag")
        payload, before = message.assembler.add(chunk), message.cost
        message.cost = message.assembler.nbytes + CHUNK_COST * len(message.assembler)
        self.total_size += message.cost - before
        return payload

    def _message(self, sender: bytes, tag: Tag, message_id: int) -> _Unfinished:
        own = self._senders.get(sender, {})
        if message_id in own:
            return own[message_id]
        # A participant that starts over with a new message id must not lock itself out.
        if len(own) >= self._bounds.max_messages_per_sender:
            self._drop(sender, next(iter(own)))
        if self.messages >= self._bounds.max_messages:
            raise Rejection(Reason.MULTIPART_FULL)
        own = self._senders.setdefault(sender, OrderedDict())
        return self._begin(own, tag, message_id, self._last_number + 1)

    def _begin(
        self, own: OrderedDict[int, _Unfinished], tag: Tag, message_id: int, number: int
    ) -> _Unfinished:
        message = own[message_id] = _Unfinished(number, tag, Assembler(self._max_message_size))
        self._last_number = max(self._last_number, number)
        self.messages += 1
        return message

    def _drop(self, sender: bytes, message_id: int) -> None:
        own = self._senders[sender]
        dropped = own.pop(message_id)
        del self._by_age[sender, message_id]
        self._changes.append(dropped.number)
        self.total_size -= dropped.cost
        self.messages -= 1
        if not own:
            del self._senders[sender]
