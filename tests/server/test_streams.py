"""``GET /events`` over real sockets: what is told, to how many, and what a slow reader costs."""

import asyncio
import json
import socket

import httpx
import pytest

from petal_server.phases import PhaseName

from .harness import ACCEPTED, small_settings
from .members import summers
from .over_sockets import following, served

pytestmark = pytest.mark.anyio


async def names_until(stream, wanted):
    seen = []
    while wanted not in seen:
        event = await stream.next()
        assert event, f"the stream ended after {seen}"
        seen.append(event["event"])
    return seen


async def test_the_first_event_is_the_status():
    async with served() as coordinator, following(coordinator) as stream:
        assert stream.head.startswith("http/1.1 200 ")
        assert "content-type: text/event-stream" in stream.head
        assert "cache-control: no-store" in stream.head
        first = await stream.next()
        assert first["event"] == "status"
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{coordinator.url}/status")
        assert json.loads(first["data"]) == answer.json()


async def test_a_round_is_told_as_it_goes():
    async with served() as coordinator, following(coordinator) as stream:
        assert (await stream.next())["event"] == "status"
        sums = await coordinator.to_sum2()
        await coordinator.finish(sums)
        phases, model = [], None
        while not model:
            event = await stream.next()
            data = json.loads(event["data"])
            if event["event"] == "phase":
                phases.append(data["phase"])
            if event["event"] == "model":
                model = data["model_id"]
        assert phases == ["update", "sum2", "unmask"]
        assert model == coordinator.ctx.board.model_id


async def test_counts_come_together_not_one_by_one():
    async with served() as coordinator, following(coordinator) as stream:
        await stream.next()
        for member in summers(coordinator.params, 2):
            assert await coordinator.post(member.sum()) == ACCEPTED
        event = await stream.next()
        assert event["event"] == "counts"
        assert json.loads(event["data"])["counts"]["sum"] == 2


async def test_a_failed_round_is_told_with_its_reason():
    async with served() as coordinator, following(coordinator) as stream:
        await stream.next()
        await coordinator.to_update()
        coordinator.clock.advance(60)
        assert "failure" in await names_until(stream, "failure")
        assert "timeout" in coordinator.ctx.last_failure


async def test_silence_is_broken_by_signs_of_life():
    settings = small_settings(events={"heartbeat": 0.1})
    async with served(settings) as coordinator, following(coordinator) as stream:
        await stream.next()
        await asyncio.sleep(0.5)
        await coordinator.reaches(PhaseName.SUM)
        assert await coordinator.post(summers(coordinator.params, 1)[0].sum()) == ACCEPTED
        assert (await stream.next())["event"] == "counts"
        assert stream.heartbeats >= 2


async def test_one_too_many_is_told_when_to_come_back():
    settings = small_settings(events={"max_subscribers": 2})
    async with served(settings) as coordinator:
        async with following(coordinator) as first, following(coordinator) as second:
            assert await first.next()
            assert await second.next()
            async with httpx.AsyncClient() as client:
                refused = await client.get(f"{coordinator.url}/events")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
        streams = coordinator.app.state.onlookers.streams
        await coordinator.until(lambda: len(streams) == 0, "both to be forgotten")
        async with following(coordinator) as third:
            assert await third.next()


async def test_who_reads_too_slowly_is_dropped_and_nobody_waits_for_it():
    settings = small_settings(events={"max_waiting": 4})
    async with served(settings) as coordinator, following(coordinator) as stream:
        await stream.next()
        streams = coordinator.app.state.onlookers.streams
        # Nothing runs between these, so that the stream cannot read any of them.
        for _ in range(5):
            streams._send("counts")
        assert len(streams) == 0
        assert await stream.next() is None


async def test_the_server_stops_at_once_though_somebody_follows():
    async with served() as coordinator, following(coordinator) as stream:
        await stream.next()
        coordinator.server.should_exit = True
        loop = asyncio.get_running_loop()
        asked = loop.time()
        assert await stream.next() is None
        # Far below api.stop_timeout, which open requests have.
        assert loop.time() - asked < coordinator.settings.api.stop_timeout / 2


async def test_a_head_request_gets_no_stream():
    async with served() as coordinator, httpx.AsyncClient() as client:
        answer = await client.head(f"{coordinator.url}/events")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_follower_that_goes_away_is_forgotten():
    async with served() as coordinator:
        streams = coordinator.app.state.onlookers.streams
        with socket.create_connection(("127.0.0.1", coordinator.port)) as client:
            client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            await coordinator.until(lambda: len(streams) == 1, "a follower")
        await coordinator.until(lambda: len(streams) == 0, "none")
