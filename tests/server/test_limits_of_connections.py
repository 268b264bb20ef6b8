"""Limits over real sockets: connections, from one address and in all, and what a page reads."""

import contextlib
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from petal_server.limits import Gate, Refusal
from petal_server.limits.gate import LINGERING
from petal_server.settings import LimitSettings

from .harness import small_settings
from .over_sockets import connected, ended, limited, served, still_serves

pytestmark = pytest.mark.anyio


async def test_one_connection_too_many():
    async with limited(connections=2, connections_per_address=2) as (coordinator, gate):
        async with connected(coordinator), connected(coordinator):
            await coordinator.until(lambda: gate.connections == 2)
            async with connected(coordinator) as (reader, _):
                answer = await ended(reader)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after" in answer
            assert gate.refused == {Refusal.CONNECTIONS: 1}
        await coordinator.until(lambda: gate.connections == 0)
        assert await still_serves(coordinator)


APP = "https://app.example.org"


@asynccontextmanager
async def for_pages(*origins, **limits):
    """A coordinator for pages of these origins, and a client that asks as a browser does."""
    api = {"cors": {"allow_origins": origins}}
    async with (
        served(small_settings(api=api, limits=limits)) as coordinator,
        httpx.AsyncClient(base_url=coordinator.url, headers={"Origin": APP}) as client,
    ):
        yield coordinator, client


@pytest.mark.parametrize("origins", [(APP,), ("*",), ("https://other.example", APP)])
async def test_a_page_of_another_origin_reads_that_it_asks_too_often(origins):
    async with for_pages(*origins, requests_per_address=0.1) as (_, client):
        assert (await client.get("/params")).status_code == 200
        refused = await client.get("/params")
        assert refused.status_code == 429
        assert refused.headers["access-control-allow-origin"] in (APP, "*")
        assert "Retry-After" in refused.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origins", [(APP,), ("*",), ("https://other.example", APP)])
async def test_a_page_of_another_origin_reads_that_there_are_too_many_connections(origins):
    async with for_pages(*origins, connections=1) as (coordinator, client):
        async with connected(coordinator):
            refused = await client.get("/params")
        assert refused.status_code == 503
        assert refused.headers["access-control-allow-origin"] == APP
        assert refused.headers["retry-after"] == "5"


async def test_a_page_that_is_not_admitted_reads_nothing():
    async with for_pages("https://other.example", connections=1) as (coordinator, client):
        async with connected(coordinator):
            refused = await client.get("/params")
        assert refused.status_code == 503
        assert "access-control-allow-origin" not in refused.headers


async def test_no_more_than_a_few_too_many_stay_until_they_have_asked():
    async with limited(connections=1) as (coordinator, gate), contextlib.AsyncExitStack() as stack:
        for _ in range(LINGERING + 20):
            await stack.enter_async_context(connected(coordinator))
        await coordinator.until(lambda: gate.refused[Refusal.CONNECTIONS] == LINGERING + 19)
        assert gate.lingering <= LINGERING
        assert gate.connections <= 1 + LINGERING
        await coordinator.until(lambda: gate.connections == 1)
        assert gate.lingering == 0


async def test_one_connection_too_many_from_one_address():
    limits = limited(connections_per_address=1)
    async with limits as (coordinator, gate), connected(coordinator):
        await coordinator.until(lambda: gate.connections == 1)
        async with connected(coordinator) as (reader, _):
            assert (await ended(reader)).startswith(b"HTTP/1.1 503 ")
        assert gate.refused == {Refusal.CONNECTIONS_PER_ADDRESS: 1}
        async with connected(coordinator, local_addr=("127.0.0.2", 0)) as (reader, writer):
            writer.write(b"GET /params HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


def test_a_gate_forgets_addresses_that_left():
    gate = Gate(LimitSettings(), now=time.monotonic)
    for number in range(100):
        gate.enter(f"192.0.2.{number}")
        gate.leave(f"192.0.2.{number}")
    assert gate.connections == 0
    assert not gate._by_address
