"""``GET /events``: server-sent events, so that pages and operators need not ask again and again.

Every event's data is what ``GET /status`` answers at that moment; its name says what happened. So
one that is missed loses nothing, and there is nothing to take up again after a break.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from petal_server.answers import UNCACHED
from petal_server.events import Event, MessageHandled, ModelPublished, PhaseStarted, RoundFailed
from petal_server.outcome import Outcome
from petal_server.phases import Context
from petal_server.settings import EventSettings
from petal_server.status import status

log = structlog.get_logger("petal.events")

NAMES = {PhaseStarted: "phase", ModelPublished: "model", RoundFailed: "failure"}
COUNTS_EVERY = 0.5
"""Seconds between two events that only bring new counts."""

HEADERS = {**UNCACHED, "X-Accel-Buffering": "no"}
BEGIN = b"retry: 3000\n\n"
HEARTBEAT = b": still here\n\n"

Queue = asyncio.Queue[bytes | None]


class EventStreams:
    """Everybody who follows the coordinator's events, each with a short queue of its own."""

    def __init__(self, ctx: Context, bounds: EventSettings) -> None:
        self._ctx, self._bounds = ctx, bounds
        self._queues: set[Queue] = set()
        self._counts_due: asyncio.TimerHandle | None = None
        self._closed = False
        ctx.events.listen(self._take)

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def full(self) -> bool:
        """Whether nobody more is let in."""
        return self._closed or len(self) >= self._bounds.max_subscribers

    async def follow(self) -> AsyncIterator[bytes]:
        """The stream of one subscriber: the status now, then events and heartbeats."""
        if self.full:
            return
        queue: Queue = asyncio.Queue(self._bounds.max_waiting)
        self._queues.add(queue)
        try:
            yield BEGIN + self._event("status")
            while (waiting := await self._next(queue)) is not None:
                yield waiting
        finally:
            self._queues.discard(queue)

    async def _next(self, queue: Queue) -> bytes | None:
        try:
            return await asyncio.wait_for(queue.get(), self._bounds.heartbeat)
        except TimeoutError:
            # Who was dropped for its full queue hears no more; the stream then ends here.
            return HEARTBEAT if queue in self._queues else None

    def close(self) -> None:
        """End all streams: the server stops."""
        self._closed = True
        for queue in list(self._queues):
            self._drop(queue)

    def _take(self, event: Event) -> None:
        if not self._queues:
            return
        if type(event) in NAMES:
            self._send(NAMES[type(event)])
        elif isinstance(event, MessageHandled) and event.receipt.outcome is not Outcome.PENDING:
            self._send_counts_soon()

    def _send_counts_soon(self) -> None:
        if self._counts_due is None:
            loop = asyncio.get_running_loop()
            self._counts_due = loop.call_later(COUNTS_EVERY, self._send_counts)

    def _send_counts(self) -> None:
        self._counts_due = None
        self._send("counts")

    def _send(self, name: str) -> None:
        event = self._event(name)
        for queue in list(self._queues):
            if queue.full():
                log.info("a reader of events is too slow and is dropped")
                self._drop(queue)
            else:
                queue.put_nowait(event)

    def _drop(self, queue: Queue) -> None:
        """End a stream at once: what still waits in its queue is not worth sending."""
        self._queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _event(self, name: str) -> bytes:
        return f"event: {name}\ndata: {json.dumps(status(self._ctx))}\n\n".encode()


async def get_events(request: Request) -> Response:
    """The stream, or 503 while as many as may follow do so."""
    streams: EventStreams = request.app.state.onlookers.streams
    if streams.full:
        headers = {**UNCACHED, "Retry-After": "30"}
        return PlainTextResponse("Too many follow the events already.\n", 503, headers)
    if request.method == "HEAD":
        return Response(headers=HEADERS, media_type="text/event-stream")
    return StreamingResponse(streams.follow(), headers=HEADERS, media_type="text/event-stream")
