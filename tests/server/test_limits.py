"""Limits over real sockets: whoever does nothing, too much or too slowly is cut off."""

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal_server.limits import BodyMemory, Gate, Refusal
from petal_server.limits.addresses import Proxies, sender_key
from petal_server.limits.gate import LINGERING
from petal_server.limits.rates import MOST_ADDRESSES, Rates
from petal_server.settings import LimitSettings

from .harness import small_settings
from .members import summers
from .over_sockets import SECONDS, served

pytestmark = pytest.mark.anyio

POST = b"POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@asynccontextmanager
async def limited(**limits):
    async with served(small_settings(limits=limits)) as coordinator:
        yield coordinator, coordinator.app.state.gate


@asynccontextmanager
async def connected(coordinator, **options):
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


async def test_who_asks_too_often_is_told_when_to_come_back():
    async with limited(requests_per_address=1) as (coordinator, gate):
        async with httpx.AsyncClient(base_url=coordinator.url) as client:
            answers = [await client.get("/params") for _ in range(12)]
            assert [answer.status_code for answer in answers[:10]] == [200] * 10
            assert answers[-1].status_code == 429
            assert int(answers[-1].headers["retry-after"]) >= 1
        assert gate.refused[Refusal.REQUEST_RATE] >= 1


async def test_bodies_that_fill_the_memory():
    limits = {"body_memory": 2**16, "body_memory_per_address": 2**16}
    async with limited(**limits) as (coordinator, gate):
        async with connected(coordinator) as (_, holding):
            holding.write(POST % 60_000 + bytes(59_000))
            await coordinator.until(lambda: gate.bodies.used == 59_000, "the body")
            async with httpx.AsyncClient(base_url=coordinator.url) as client:
                refused = await client.post("/message", content=bytes(10_000))
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) > 0
                member = summers(coordinator.params, 1)[0]
                taken = await client.post("/message", content=member.sum())
                assert taken.status_code == 200
        assert gate.refused == {Refusal.BODY_MEMORY: 1}
        await coordinator.until(lambda: gate.bodies.used == 0, "no body")


async def test_a_body_that_does_not_say_its_length_is_counted_as_it_comes():
    limits = {"body_memory": 2**16, "body_memory_per_address": 2**16}
    settings = small_settings(limits=limits, api={"max_message_size": 2**20})
    async with served(settings) as coordinator:

        async def pieces():
            for _ in range(20):
                yield bytes(10_000)

        async with httpx.AsyncClient(base_url=coordinator.url) as client:
            assert (await client.post("/message", content=pieces())).status_code == 503
        assert coordinator.app.state.gate.bodies.used == 0


async def test_a_trusted_proxy_is_not_counted_itself():
    limits = {
        "trusted_proxies": ["127.0.0.0/8"],
        "requests_per_address": 0.1,
        "connections_per_address": 1,
    }
    async with limited(**limits) as (coordinator, gate):
        async with connected(coordinator), httpx.AsyncClient(base_url=coordinator.url) as client:

            async def ask(address):
                headers = {"x-forwarded-for": address}
                return (await client.get("/params", headers=headers)).status_code

            # Each of these may ask once in ten seconds.
            assert [await ask(f"192.0.2.{number}") for number in range(5)] == [200] * 5
            assert [await ask("192.0.2.1") for _ in range(2)] == [429] * 2
        assert Refusal.CONNECTIONS_PER_ADDRESS not in gate.refused


async def test_a_stranger_cannot_pose_as_somebody_else():
    async with limited(requests_per_address=0.1) as (coordinator, _):
        url = coordinator.url
        async with httpx.AsyncClient(base_url=url) as client:
            headers = [{"x-forwarded-for": f"192.0.2.{number}"} for number in range(3)]
            found = [(await client.get("/params", headers=each)).status_code for each in headers]
            assert found == [200, 429, 429]


def test_a_host_of_ipv6_counts_by_its_network():
    assert sender_key("2001:db8:1:2:3:4:5:6") == sender_key("2001:db8:1:2::1")
    assert sender_key("2001:db8:1:3::1") != sender_key("2001:db8:1:2::1")
    assert sender_key("::ffff:192.0.2.1") == sender_key("192.0.2.1")
    assert sender_key(None) == sender_key("testclient") == "unknown"


def test_proxies():
    proxies = Proxies(["10.0.0.0/8", "2001:db8::1"])
    assert "10.1.2.3" in proxies
    assert "2001:db8::1" in proxies
    for other in ("11.0.0.1", "2001:db8::2", "", None, "proxy.example"):
        assert other not in proxies


@given(st.lists(st.floats(0, 3), max_size=100))
def test_nobody_gets_more_than_the_burst_and_the_rate(pauses):
    rates, now, taken = Rates(rate=2, burst=5), 0.0, 0
    for pause in pauses:
        now += pause
        wait = rates.take("address", now)
        taken += not wait
        assert taken <= 5 + 2 * now + 1e-6
        assert 0 <= wait <= 0.5
    assert rates.take("another", now) == 0


def test_the_memory_of_addresses_is_bounded():
    rates = Rates(rate=1, burst=1)
    for number in range(MOST_ADDRESSES + 10):
        rates.take(str(number), 0)
    assert len(rates) == MOST_ADDRESSES


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60)), max_size=40))
def test_bodies_never_take_more_than_they_may(wishes):
    memory, held = BodyMemory(total=100, per_address=50), []
    for address, size in wishes:
        if memory.take(address, size):
            held.append((address, size))
        elif held:
            memory.give_back(*held.pop())
        assert memory.used == sum(size for _, size in held) <= 100
        for own in "abc":
            assert sum(size for address, size in held if address == own) <= 50
    for each in held:
        memory.give_back(*each)
    assert memory.used == 0
    assert not memory._held


def test_a_gate_forgets_addresses_that_left():
    gate = Gate(LimitSettings(), now=time.monotonic)
    for number in range(100):
        gate.enter(f"192.0.2.{number}")
        gate.leave(f"192.0.2.{number}")
    assert gate.connections == 0
    assert not gate._by_address
