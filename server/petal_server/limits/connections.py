"""One connection under uvicorn, with the limits in time and number that uvicorn does not have.

Whoever connects must send a request's head, take what it is sent and end a body that nobody
reads, each within its time. Otherwise a handful of clients that do nothing could hold every
connection there is.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from petal_server.limits.gate import Gate, Refusal

BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class GuardedConnection(H11Protocol):
    """A connection that ``gate`` lets in, or not."""

    def __init__(self, gate: Gate, **options) -> None:
        super().__init__(**options)
        self._gate = gate
        self._host: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._host = self.client[0] if self.client else None
        if self._gate.enter(self._host):
            transport.write(BUSY)
            transport.close()
            return
        self._expect(self._gate.settings.header_timeout, Refusal.HEADER_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.leave(self._host)
        self._expect_nothing()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._follow()

    def _follow(self) -> None:
        """Set the timer for what the client owes us in the state that it is in."""
        limits = self._gate.settings
        answered = self.cycle is not None and self.cycle.response_complete
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            if self._timer is None:
                self._expect(limits.header_timeout, Refusal.HEADER_TIMEOUT)
        elif answered and self.conn.their_state is h11.SEND_BODY:
            # An early answer: what still comes is read and thrown away, but not for ever.
            if self._timer is None:
                self._expect(limits.body_timeout, Refusal.BODY_TIMEOUT)
        else:
            self._expect_nothing()

    def _expect(self, seconds: float, otherwise: Refusal) -> None:
        self._timer = self.loop.call_later(seconds, self._cut_off, otherwise)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut_off(self, why: Refusal) -> None:
        self._gate.refuse(why)
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken()

    def _expect_taking(self) -> None:
        if self._writing is None:
            timeout = self._gate.settings.write_timeout
            self._writing = self.loop.call_later(timeout, self._cut_off, Refusal.WRITE_TIMEOUT)

    def _taken(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def timeout_keep_alive_handler(self) -> None:
        """Closing waits until the client has taken everything; not for ever either."""
        super().timeout_keep_alive_handler()
        self._expect_taking()
