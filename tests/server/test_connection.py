"""What holds for every connection, limits or not."""

import asyncio
import contextlib
import socket

import httpx
import pytest
import uvicorn.config

from .over_sockets import served

pytestmark = pytest.mark.anyio


async def test_answers_are_sent_at_once():
    """Head and body are written apart: with Nagle's algorithm the body came 40 ms later."""
    async with served() as coordinator, httpx.AsyncClient(base_url=coordinator.url) as client:
        assert (await client.get("/status")).status_code == 200
        [connection] = coordinator.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class Upgraded(asyncio.Protocol):
    """Stands for an installed library of WebSockets: it turns every upgrade down, as those do."""

    def __init__(self, **_options):
        pass

    def connection_made(self, transport):
        transport.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        transport.close()


async def test_no_other_protocol_takes_a_connection_from_the_gate(monkeypatch):
    """It would not tell when the connection is closed: a thousand such would shut everybody out."""
    monkeypatch.setitem(uvicorn.config.WS_PROTOCOLS, "auto", Upgraded)
    async with served() as coordinator:
        reader, writer = await asyncio.open_connection("127.0.0.1", coordinator.port)
        writer.write(
            b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\n\r\n"
        )
        assert b" 200 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await coordinator.until(lambda: coordinator.app.state.gate.connections == 0, "its end")
