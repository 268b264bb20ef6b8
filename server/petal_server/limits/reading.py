"""Reads a body within the limits on its size, on the memory of all bodies, and on time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from petal_server.limits.addresses import sender_key
from petal_server.limits.gate import Gate, Refusal


class BodyTooLarge(Exception):
    """It is longer than it may be, and was not read to its end."""


class NoRoom(Exception):
    """Other bodies take up the memory; the sender may try again."""


class BodyTooSlow(Exception):
    """It did not come in time."""


@asynccontextmanager
async def body_of(request: Request, gate: Gate, limit: int) -> AsyncIterator[bytearray]:
    """The body, of ``limit`` bytes at the most; its memory counts until the block ends.

    Raises:
        BodyTooLarge, NoRoom, BodyTooSlow: As they say.
        ClientDisconnect: The sender went away.
    """
    reading = _Reading(request, gate, limit)
    try:
        await reading.in_time()
        yield reading.body
    finally:
        gate.bodies.give_back(reading.address, reading.taken)


class _Reading:
    def __init__(self, request: Request, gate: Gate, limit: int) -> None:
        self._request, self._gate, self._limit = request, gate, limit
        self.address = sender_key(request.client and request.client.host)
        self.body = bytearray()
        self.taken = 0

    async def in_time(self) -> None:
        self._check_announced()
        limits = self._gate.settings
        try:
            async with asyncio.timeout(limits.body_timeout) as deadline:
                first = deadline.when()
                async for chunk in self._request.stream():
                    self._add(chunk)
                    deadline.reschedule(first + self.taken / limits.body_rate)
        except TimeoutError:
            raise BodyTooSlow(self._gate.refuse(Refusal.BODY_TIMEOUT)) from None

    def _check_announced(self) -> None:
        """Do not begin to read what cannot be read to its end."""
        announced = int(self._request.headers.get("content-length", 0))
        if announced > self._limit:
            raise BodyTooLarge
        if not self._gate.bodies.fits(self.address, announced):
            raise NoRoom(self._gate.refuse(Refusal.BODY_MEMORY))

    def _add(self, chunk: bytes) -> None:
        if self.taken + len(chunk) > self._limit:
            raise BodyTooLarge
        if not self._gate.bodies.take(self.address, len(chunk)):
            raise NoRoom(self._gate.refuse(Refusal.BODY_MEMORY))
        self.taken += len(chunk)
        self.body += chunk
