"""What senders and operators are told while the store is away."""

import asyncio
import threading
from contextlib import asynccontextmanager

import httpx
import pytest

from petal_server import health
from petal_server.phases import PhaseName
from petal_server.storage import SqliteStorage, journal

from .disk_faults import FAULTS, fail
from .harness import running
from .killed import opened_after_a_kill
from .members import updaters

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path):
    with SqliteStorage(tmp_path / "data") as store:
        yield store


JSON = {"accept": "application/json"}


@asynccontextmanager
async def asking(store, monkeypatch):
    """A coordinator that looks at its store each time it is asked whether it is ready."""
    monkeypatch.setattr(health, "KEPT_FOR", 0.0)
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    async with running(store=store) as coordinator:
        transport = httpx.ASGITransport(coordinator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield coordinator, client


async def readiness(client):
    answer = await client.get("/readyz")
    return answer.status_code, answer.json()["store"]


async def test_a_sender_is_told_to_come_again_and_operators_that_the_store_is_away(
    store, monkeypatch
):
    async with asking(store, monkeypatch) as (coordinator, client):
        await coordinator.finish(await coordinator.to_sum2())
        kept = (await client.get("/model")).content
        await coordinator.to_update()
        member, other = updaters(coordinator.params, 2)
        assert await readiness(client) == (200, "ok")
        with monkeypatch.context() as patch:
            FAULTS["the journal cannot be synced"](patch)
            patch.setattr("petal_server.storage.database.private_file", fail)
            body = member.update(coordinator.sums)
            answer = await client.post("/message", content=body, headers=JSON)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json() == {"outcome": "rejected", "reason": "coordinator_error"}
            assert await readiness(client) == (503, "does not answer")
            assert (await client.get("/healthz")).status_code == 200, "no restart helps"
            assert (await client.get("/model")).content == kept
            coordinator.clock.advance(1)
            await coordinator.reaches(PhaseName.FAILURE)
        await coordinator.reaches(PhaseName.SUM, after=1)
        assert await readiness(client) == (200, "ok")
        assert (await client.get("/model")).content == kept
        await coordinator.finish(await coordinator.to_sum2())
        assert other.params != coordinator.params


async def test_xaynets_participants_are_told_to_come_again_too(store, monkeypatch):
    async with asking(store, monkeypatch) as (coordinator, client):
        await coordinator.to_update()
        body = updaters(coordinator.params, 1)[0].update(coordinator.sums)
        FAULTS["the journal cannot be synced"](monkeypatch)
        answer = await client.post("/message", content=body)
        assert (answer.status_code, answer.content) == (503, b"")


async def test_a_store_that_hangs_and_comes_back_loses_nothing(store, monkeypatch):
    """Nobody is answered until what they sent is stored; the round goes on where it was."""
    hangs, back = threading.Event(), threading.Event()
    sync = journal.sync

    def hang(*args):
        hangs.set()
        back.wait(30)
        return sync(*args)

    async with asking(store, monkeypatch) as (coordinator, client):
        await coordinator.to_update()
        members = updaters(coordinator.params, 3)
        monkeypatch.setattr(journal, "sync", hang)
        bodies = [member.update(coordinator.sums) for member in members]
        sent = [
            asyncio.create_task(client.post("/message", content=body, headers=JSON))
            for body in bodies
        ]
        try:
            await coordinator.until(hangs.is_set, "a store that hangs")
            assert await readiness(client) == (503, "does not answer")
            assert (await client.get("/sums")).status_code == 200
            assert not any(task.done() for task in sent)
        finally:
            back.set()
        answers = await asyncio.gather(*sent)
        assert [answer.json()["outcome"] for answer in answers] == ["accepted"] * 3
        assert await readiness(client) == (200, "ok")
        assert coordinator.ctx.state.round_id == 1
        with opened_after_a_kill(store._disk.folder) as other:
            assert (await other.running_sum()).nb_models == 3
        await coordinator.reaches(PhaseName.SUM2, after=10)
