"""Questions that are kept open until there is news: ``Prefer: wait=N`` with ``If-None-Match``."""

import asyncio
import base64
import time
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest

from petal_server import waiting
from petal_server.phases import PhaseName

from .harness import small_settings
from .members import summers
from .over_sockets import served

pytestmark = pytest.mark.anyio

LONG = "wait=20"
SOON = 5
"""Seconds; far below LONG, and far above what an answer takes."""


@asynccontextmanager
async def asking(settings=None):
    async with served(settings) as coordinator:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=coordinator.url, timeout=30, limits=limits) as client:
            yield coordinator, client


def patient(tag, prefer=LONG):
    return {"If-None-Match": tag, "Prefer": prefer}


async def kept_open(coordinator, client, path, *, count=1, prefer=LONG):
    """That many open questions for what is new at ``path``."""
    tag = (await client.get(path)).headers["etag"]
    asked = [
        asyncio.create_task(client.get(path, headers=patient(tag, prefer))) for _ in range(count)
    ]
    room = coordinator.app.state.onlookers.waiting
    await coordinator.until(lambda: len(room) == count, f"{count} open questions")
    return asked


async def answers_of(asked):
    async with asyncio.timeout(SOON):
        return await asyncio.gather(*asked)


async def test_a_new_round_answers_who_waits_for_it():
    async with asking() as (coordinator, client):
        sums = await coordinator.to_sum2()
        (asked,) = await kept_open(coordinator, client, "/params")
        await coordinator.finish(sums)
        (answer,) = await answers_of([asked])
        assert answer.status_code == 200
        assert answer.content == coordinator.ctx.board.params.body
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["preference-applied"] == "wait"
        assert answer.headers["etag"] == coordinator.ctx.board.params.etag


async def test_phases_answer_who_waits_for_sums_or_seeds_and_nobody_else():
    async with asking() as (coordinator, client):
        (member,) = summers(coordinator.params, 1)
        seeds = f"/seeds?pk={base64.b64encode(member.pk).decode().replace('+', '%2B')}"
        tags = {
            path: (await client.get(path)).headers["etag"] for path in ("/params", "/sums", seeds)
        }
        asked = {
            path: asyncio.create_task(client.get(path, headers=patient(tag)))
            for path, tag in tags.items()
        }
        room = coordinator.app.state.onlookers.waiting
        await coordinator.until(lambda: len(room) == 3, "three open questions")
        await coordinator.to_update()
        (answer,) = await answers_of([asked["/sums"]])
        assert answer.content == coordinator.ctx.board.sums.body
        assert len(room) == 2
        await coordinator.reaches(PhaseName.UPDATE)
        asked["/params"].cancel(), asked[seeds].cancel()


async def test_a_sum_participants_seeds_come_when_they_are_there():
    async with asking() as (coordinator, client):
        (member,) = summers(coordinator.params, 1)
        path = f"/seeds?pk={base64.b64encode(member.pk).decode().replace('+', '%2B')}"
        (asked,) = await kept_open(coordinator, client, path)
        await coordinator.to_sum2()
        (answer,) = await answers_of([asked])
        assert answer.content == coordinator.ctx.board.seeds.of(member.pk).body


async def test_a_round_that_fails_answers_all():
    """Nothing there is another nothing in each round, so that nobody waits in one that is over."""
    async with asking() as (coordinator, client):
        (asked,) = await kept_open(coordinator, client, "/sums")
        before = coordinator.ctx.state.round_id
        coordinator.clock.advance(60)
        await coordinator.until(lambda: coordinator.ctx.phase is PhaseName.FAILURE, "failure")
        coordinator.clock.advance(2)
        await coordinator.until(lambda: coordinator.ctx.state.round_id > before, "a new round")
        (answer,) = await answers_of([asked])
        assert answer.status_code == 204


async def test_without_news_the_answer_is_304_when_the_time_is_over():
    async with asking() as (coordinator, client):
        began = time.monotonic()
        (asked,) = await kept_open(coordinator, client, "/params", prefer="respond-async, wait=1")
        (answer,) = await answers_of([asked])
        assert answer.status_code == 304
        assert answer.headers["preference-applied"] == "wait"
        assert time.monotonic() - began >= 0.9
        assert len(coordinator.app.state.onlookers.waiting) == 0


async def test_the_operator_bounds_the_time():
    async with asking(small_settings(api={"longest_wait": 1})) as (coordinator, client):
        (asked,) = await kept_open(coordinator, client, "/params", prefer="wait=999999")
        (answer,) = await answers_of([asked])
        assert (answer.status_code, answer.headers["petal-wait"]) == (304, "1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Prefer": LONG},
        {"If-None-Match": "TAG"},
        {"If-None-Match": "TAG", "Prefer": "wait=0"},
        {"If-None-Match": "TAG", "Prefer": "wait=-5"},
        {"If-None-Match": "TAG", "Prefer": "wait=99999999999"},
        {"If-None-Match": "TAG", "Prefer": "waiting=20, await=20"},
        {"If-None-Match": '"another"', "Prefer": LONG},
    ],
)
async def test_who_does_not_ask_to_wait_is_answered_at_once(headers):
    async with asking() as (_, client):
        tag = (await client.get("/params")).headers["etag"]
        sent = {name: tag if value == "TAG" else value for name, value in headers.items()}
        async with asyncio.timeout(SOON):
            answer = await client.get("/params", headers=sent)
        assert answer.status_code == (304 if tag in sent.values() else 200)
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["vary"] == "Prefer"
        assert "preference-applied" not in answer.headers


async def test_a_head_request_is_never_kept_open():
    async with asking() as (_, client):
        tag = (await client.get("/params")).headers["etag"]
        async with asyncio.timeout(SOON):
            assert (await client.head("/params", headers=patient(tag))).status_code == 304


async def test_turned_off_nothing_is_offered_or_kept_open():
    async with asking(small_settings(api={"longest_wait": 0})) as (_, client):
        first = await client.get("/params")
        assert "petal-wait" not in first.headers
        assert "etag" not in (await client.get("/sums")).headers
        async with asyncio.timeout(SOON):
            answer = await client.get("/params", headers=patient(first.headers["etag"]))
        assert answer.status_code == 304


async def test_a_server_that_stops_answers_all_at_once():
    async with asking() as (coordinator, client):
        asked = await kept_open(coordinator, client, "/params", count=40)
        coordinator.server.should_exit = True
        answers = await answers_of(asked)
        assert {answer.status_code for answer in answers} == {304}


async def test_who_goes_away_is_forgotten():
    async with asking() as (coordinator, client):
        room = coordinator.app.state.onlookers.waiting
        (asked,) = await kept_open(coordinator, client, "/params")
        asked.cancel()
        await coordinator.until(lambda: len(room) == 0, "nobody waits")


async def test_a_body_that_never_ends_does_not_keep_a_question_open_for_longer():
    async with asking(small_settings(api={"longest_wait": 1})) as (coordinator, client):
        tag = (await client.get("/params")).headers["etag"]
        reader, writer = await asyncio.open_connection("127.0.0.1", coordinator.port)
        head = f"GET /params HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\nPrefer: wait=1\r\n"
        writer.write(head.encode() + b"Content-Length: 1000\r\n\r\n...")
        async with asyncio.timeout(SOON):
            assert b" 304 " in await reader.readline()
        writer.close()


async def test_thousands_are_let_go_bit_by_bit(monkeypatch):
    """Between two of them others have their turn; here each turn of the loop lets one go."""
    monkeypatch.setattr(waiting, "AT_ONCE", 1)
    async with asking() as (coordinator, client):
        room, left = coordinator.app.state.onlookers.waiting, []

        async def watch():
            while len(room):
                left.append(len(room))
                await asyncio.sleep(0)
            left.append(0)

        sums = await coordinator.to_sum2()
        asked = await kept_open(coordinator, client, "/params", count=60)
        watching = asyncio.create_task(watch())
        await coordinator.finish(sums)
        assert {answer.status_code for answer in await answers_of(asked)} == {200}
        await watching
        assert max(before - after for before, after in pairwise(left)) <= 3


async def test_measurements_leave_the_waiting_out():
    async with asking() as (coordinator, client):
        asked = await kept_open(coordinator, client, "/params", count=3, prefer="wait=1")
        shown = (await client.get("/metrics")).text
        assert "petal_held_requests 3.0" in shown
        await answers_of(asked)
        shown = (await client.get("/metrics")).text
        assert "petal_held_requests 0.0" in shown
        name = (
            'petal_request_seconds_bucket{le="0.5",method="GET",route="/params",status="304"} 3.0'
        )
        assert name in shown


async def test_pages_of_other_origins_may_wait_too():
    cors = {"allow_origins": ["https://app.example.org"]}
    async with asking(small_settings(api={"cors": cors})) as (_, client):
        origin = {"Origin": "https://app.example.org"}
        asks = {"Access-Control-Request-Method": "GET"}
        asks["Access-Control-Request-Headers"] = "if-none-match, prefer"
        allowed = await client.options("/params", headers={**origin, **asks})
        assert allowed.status_code == 200
        exposed = (await client.get("/params", headers=origin)).headers
        assert "Petal-Wait" in exposed["access-control-expose-headers"]
