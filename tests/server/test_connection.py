"""What holds for every connection, limits or not."""

import socket

import httpx
import pytest

from .over_sockets import served

pytestmark = pytest.mark.anyio


async def test_answers_are_sent_at_once():
    """Head and body are written apart: with Nagle's algorithm the body came 40 ms later."""
    async with served() as coordinator, httpx.AsyncClient(base_url=coordinator.url) as client:
        assert (await client.get("/status")).status_code == 200
        [connection] = coordinator.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
