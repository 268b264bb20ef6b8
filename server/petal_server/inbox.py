"""Between intake and phases: checked requests, handled one at a time in the order they came."""

import asyncio
from dataclasses import dataclass, field

from petal.wire import Sum2Payload, SumPayload, Tag, UpdatePayload
from petal_server.outcome import Outcome, Reason, Receipt


class Stopping(Exception):
    """The coordinator is being stopped; no phase goes on."""


@dataclass(frozen=True)
class Request:
    """A message that passed every check of intake, in the round ``round_id``."""

    round_id: int
    tag: Tag
    participant_pk: bytes
    payload: SumPayload | UpdatePayload | Sum2Payload = field(repr=False)


@dataclass(frozen=True)
class Waiting:
    """A request, and somebody who waits for its receipt."""

    request: Request
    _receipt: asyncio.Future[Receipt]

    def answer(self, receipt: Receipt) -> None:
        """Give the receipt; the sender may have gone away meanwhile."""
        if not self._receipt.done():
            self._receipt.set_result(receipt)


class Inbox:
    """A queue that can be closed."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Waiting | Exception | None] = asyncio.Queue()
        self._closed = asyncio.Event()

    async def submit(self, request: Request) -> Receipt:
        """Wait for the phase to decide about ``request``."""
        if self.closed:
            return Receipt(Outcome.DISCARDED, Reason.PHASE_OVER)
        receipt = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Waiting(request, receipt))
        return await receipt

    async def next(self) -> Waiting:
        """The oldest request; waits for one.

        Raises:
            Stopping: The inbox is closed.
            Exception: What ``fail`` was given.
        """
        waiting = None if self._closed.is_set() else await self._queue.get()
        if waiting is None:
            raise Stopping
        if isinstance(waiting, Exception):
            raise waiting
        return waiting

    def drain(self, receipt: Receipt) -> int:
        """Answer all that wait with ``receipt``; how many there were."""
        count = 0
        while not self._queue.empty():
            waiting = self._queue.get_nowait()
            if isinstance(waiting, Waiting):
                waiting.answer(receipt)
                count += 1
        return count

    @property
    def waiting(self) -> int:
        """How many requests have not been handled yet."""
        return self._queue.qsize()

    @property
    def closed(self) -> bool:
        """Whether the coordinator is being stopped."""
        return self._closed.is_set()

    async def wait_closed(self) -> bool:
        """Return (True) when the coordinator is being stopped."""
        return await self._closed.wait()

    def fail(self, error: Exception) -> None:
        """Have ``next`` raise an error that the phase cannot see otherwise."""
        self._queue.put_nowait(error)

    def close(self) -> None:
        """Wake whoever waits for a request, and make every later ``next`` raise."""
        self._closed.set()
        self._queue.put_nowait(None)
