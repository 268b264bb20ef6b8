"""One connection under uvicorn, with the limits in time and number that uvicorn does not have.

Whoever connects must send a request's head, take what it is sent and end a body that nobody
reads, each within its time. Otherwise a handful of clients that do nothing could hold every
connection there is.
"""

import asyncio
import re
import socket
from collections.abc import Sequence

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from petal_server.limits.gate import Gate, Refusal

BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n"
    b"connection: close\r\n"
)
FOR_A_PAGE = (
    b"access-control-allow-origin: %b\r\naccess-control-expose-headers: retry-after\r\n"
    b"vary: origin\r\n"
)
MOMENT = 1.0
"""Seconds in which a connection too many must have asked to be answered."""

_ORIGIN = re.compile(rb"\r\norigin:[ \t]*([!-~]{1,256})[ \t]*\r\n", re.IGNORECASE)


class GuardedConnection(H11Protocol):
    """A connection that ``gate`` lets in, or not; pages of ``origins`` may read why."""

    def __init__(self, gate: Gate, origins: Sequence[str], **options) -> None:
        super().__init__(**options)
        self._gate, self._origins = gate, origins
        self._host: str | None = None
        self._refused = self._lingers = False
        self._early = b""
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        refused = self._gate.enter(host_of(transport)) is not None
        self.take_over(transport, refused, refused and self._gate.linger())

    def take_over(self, transport: asyncio.Transport, refused: bool, lingers: bool) -> None:
        """Begin with a connection that is counted already; one too many may linger, or not."""
        super().connection_made(transport)
        _send_at_once(transport)
        self._host, self._refused, self._lingers = host_of(transport), refused, lingers
        if lingers:
            self._timer = self.loop.call_later(MOMENT, self._turn_away, b"")
        elif refused:
            self._turn_away(b"")
        else:
            self._expect(self._gate.settings.header_timeout, Refusal.HEADER_TIMEOUT)
        if self._early:
            self.data_received(self._early)

    def _turn_away(self, head: bytes) -> None:
        asked = _ORIGIN.search(head)
        admitted = asked and ("*" in self._origins or asked[1].decode() in self._origins)
        self.transport.write(BUSY + (FOR_A_PAGE % asked[1] if admitted else b"") + b"\r\n")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is None:
            return  # Its handshake failed.
        self._gate.leave(self._host, self._lingers)
        self._expect_nothing()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport is None:
            self._early += data  # It came with the end of the handshake.
        elif self._refused and not self.transport.is_closing():
            self._turn_away(data)
        elif not self.transport.is_closing():
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


def host_of(transport: asyncio.Transport) -> str | None:
    """The address at the other end."""
    peer = transport.get_extra_info("peername")
    return peer[0] if peer else None


def _send_at_once(transport: asyncio.Transport) -> None:
    """Not to hold an answer's body back until its head is acknowledged: 40 ms, each time.

    asyncio sees to that itself, but not for a socket that `socket.create_server` listened on.
    """
    transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
