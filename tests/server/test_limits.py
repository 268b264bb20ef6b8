"""Limits over real sockets: whoever does nothing or is too slow is cut off."""

import asyncio
import contextlib

import pytest

from petal_server.limits import Refusal

from .harness import small_settings
from .over_sockets import POST, SECONDS, connected, ended, limited, served, still_serves

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("sent", [b"", b"GET /params HTTP/1.1\r\n", b"GET /params HT"])
async def test_a_head_that_does_not_come(sent):
    async with limited(header_timeout=0.2) as (coordinator, gate):
        async with connected(coordinator) as (reader, writer):
            writer.write(sent)
            assert await ended(reader) == b""
        assert gate.refused == {Refusal.HEADER_TIMEOUT: 1}
        assert await still_serves(coordinator)


async def test_a_head_that_comes_byte_by_byte_has_no_longer():
    async with limited(header_timeout=0.3) as (coordinator, gate):
        async with connected(coordinator) as (reader, writer):
            for _ in range(50):
                writer.write(b"x")
                await asyncio.sleep(0.02)
                if gate.refused:
                    break
            assert await ended(reader) == b""
        assert gate.refused == {Refusal.HEADER_TIMEOUT: 1}


async def test_the_second_request_of_a_connection_has_its_time_too():
    async with limited(header_timeout=0.3) as (coordinator, gate):
        async with connected(coordinator) as (reader, writer):
            writer.write(b"GET /params HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            writer.write(b"GET /par")
            await ended(reader)
        assert gate.refused == {Refusal.HEADER_TIMEOUT: 1}


async def test_who_waits_for_an_answer_is_not_cut_off():
    async with (
        limited(header_timeout=0.1) as (coordinator, gate),
        connected(coordinator) as (reader, writer),
    ):
        writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"event: status")
        await asyncio.sleep(0.5)
        assert not gate.refused


async def test_a_body_that_stops_coming():
    async with limited(body_timeout=0.3, body_rate=10**6) as (coordinator, gate):
        async with connected(coordinator) as (reader, writer):
            writer.write(POST % 1000 + bytes(10))
            assert (await ended(reader)).startswith(b"HTTP/1.1 408 ")
        assert gate.refused == {Refusal.BODY_TIMEOUT: 1}
        assert gate.bodies.used == 0


async def test_a_body_may_take_as_long_as_its_bytes_allow():
    async with limited(body_timeout=0.3, body_rate=100) as (coordinator, gate):
        async with connected(coordinator) as (reader, writer):
            writer.write(POST % 400)
            for _ in range(8):  # 0.8 s, for which 80 bytes would be enough
                writer.write(bytes(50))
                await asyncio.sleep(0.1)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
            assert head.startswith(b"HTTP/1.1 200 ")
        assert not gate.refused


async def test_a_refused_body_is_not_read_for_ever():
    async with limited(body_timeout=0.3) as (coordinator, gate):
        async with connected(coordinator) as (reader, writer):
            writer.write(POST % 10**9)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
            with contextlib.suppress(ConnectionError):
                while not gate.refused:
                    writer.write(bytes(1000))
                    await writer.drain()
                    await asyncio.sleep(0.01)
            await ended(reader)
        assert gate.refused == {Refusal.BODY_TIMEOUT: 1}


async def test_who_sends_a_refused_body_to_its_end_keeps_the_connection():
    async with limited() as (coordinator, gate):
        too_long = coordinator.app.state.intake.max_message_size + 1
        async with connected(coordinator) as (reader, writer):
            writer.write(POST % too_long + bytes(too_long))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
            writer.write(b"GET /params HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert not gate.refused


async def test_who_does_not_take_its_answer():
    settings = small_settings(limits={"write_timeout": 0.3}, model={"length": 2_000_000})
    async with served(settings) as coordinator:
        gate, board = coordinator.app.state.gate, coordinator.ctx.board
        object.__setattr__(board.params, "body", bytes(64 * 2**20))
        async with connected(coordinator) as (_, writer):
            writer.write(b"GET /params HTTP/1.1\r\nHost: x\r\n\r\n")
            await coordinator.until(lambda: gate.refused, "the refusal")
        assert gate.refused == {Refusal.WRITE_TIMEOUT: 1}
        await coordinator.until(lambda: gate.connections == 0, "the connection's end")
