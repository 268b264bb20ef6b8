"""What one address may have of requests and memory, and whose address it is."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal_server.limits import BodyMemory, Refusal
from petal_server.limits.addresses import Proxies, sender_key
from petal_server.limits.rates import MOST_ADDRESSES, Rates

from .harness import small_settings
from .members import summers
from .over_sockets import POST, connected, limited, served

pytestmark = pytest.mark.anyio


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
