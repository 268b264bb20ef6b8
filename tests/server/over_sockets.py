"""A coordinator behind real sockets in a test's event loop, on a clock of its own."""

import asyncio
import contextlib
import random
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from petal_server.app import create_app
from petal_server.http_server import Server
from petal_server.phases import PhaseName

from .clock import FakeClock
from .harness import Coordinator, small_settings

SECONDS = 30
"""How long a test waits for anything before it fails."""


@dataclass
class Served(Coordinator):
    server: Server
    port: int

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def served(settings=None, *, store=None, seed=1, clock=None):
    """A coordinator in its sum phase, served on a free port of 127.0.0.1."""
    settings, clock = settings or small_settings(), clock or FakeClock()
    app = create_app(settings, clock=clock, random=random.Random(seed).randbytes, store=store)
    server = Server.of(app, settings)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        port = listening.getsockname()[1]
        coordinator = Served(app, clock, settings, server, port)
        await coordinator.until(lambda: server.started or serving.done(), "the server's start")
        await coordinator.until(lambda: coordinator.ctx.phase is PhaseName.SUM, "the sum phase")
        try:
            yield coordinator
        finally:
            server.should_exit = True
            await asyncio.wait_for(serving, SECONDS)


POST = b"POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@asynccontextmanager
async def limited(**limits):
    """A coordinator with these limits, and the gate that holds them."""
    async with served(small_settings(limits=limits)) as coordinator:
        yield coordinator, coordinator.app.state.gate


@asynccontextmanager
async def connected(coordinator, **options):
    """The reader and the writer of a connection of one's own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", coordinator.port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ended(reader):
    """Everything that came before the server closed the connection."""
    try:
        return await asyncio.wait_for(reader.read(), SECONDS)
    except ConnectionResetError:
        return b""


async def still_serves(coordinator):
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{coordinator.url}/params")).status_code == 200


@dataclass
class Stream:
    """The events of one follower of ``/events``, read off the socket as they come."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str = ""
    heartbeats: int = 0
    _rest: str = field(default="", repr=False)

    async def next(self):
        """The next event as ``{"event": name, "data": text}``; None when the stream has ended."""
        while True:
            block, ended = await self._block()
            if ended:
                return None
            lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
            self.heartbeats += block.startswith(":")
            if "event" in lines:
                return lines

    async def _block(self):
        while "\n\n" not in self._rest:
            size = await asyncio.wait_for(self.reader.readline(), SECONDS)
            if not int(size or b"0", 16):
                return "", True
            self._rest += (await self.reader.readexactly(int(size, 16))).decode()
            await self.reader.readline()
        block, _, self._rest = self._rest.partition("\n\n")
        return block, False


@asynccontextmanager
async def following(served, **options):
    """A ``GET /events`` whose head is read."""
    async with connected(served, **options) as (reader, writer):
        writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        yield Stream(reader, writer, head.decode().lower())
