"""Rounds while the store fails: they end by name, and the next one works."""

import resource
import sys
import time

import httpx
import pytest

from petal.wire import decode_params
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.storage import SqliteStorage, StorageError

from .disk_faults import FAULTS, fail
from .harness import ACCEPTED, running
from .members import summers, updaters
from .test_multipart import chunked
from .test_serve import serving

pytestmark = pytest.mark.anyio

FAILED = Receipt(Outcome.REJECTED, Reason.COORDINATOR_ERROR)


@pytest.fixture
def store(tmp_path):
    with SqliteStorage(tmp_path / "data") as store:
        yield store


async def test_a_round_fails_by_name_and_the_next_one_works(store, monkeypatch):
    async with running(store=store) as coordinator:
        await coordinator.to_update()
        first, second = updaters(coordinator.params, 2)
        assert await coordinator.post(first.update(coordinator.sums)) == ACCEPTED
        with monkeypatch.context() as patch:
            FAULTS["the disk is full in the midst of a record"](patch)
            assert await coordinator.post(second.update(coordinator.sums)) == FAILED
            await coordinator.reaches(PhaseName.FAILURE)
        assert "round 1, update: storage: " in coordinator.ctx.last_failure
        assert "No space left on device" in coordinator.ctx.last_failure
        assert coordinator.counts(PhaseName.UPDATE) == (1, 1, 0)
        await coordinator.reaches(PhaseName.SUM, after=1)
        assert coordinator.ctx.state.round_id == 2
        await coordinator.finish(await coordinator.to_sum2())


async def test_a_store_that_stays_broken_is_asked_again(store, monkeypatch):
    async with running(store=store) as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        with monkeypatch.context() as patch:
            FAULTS["the journal cannot be synced"](patch)
            patch.setattr("petal_server.storage.database.private_file", fail)
            assert await coordinator.post(member.update(coordinator.sums)) == FAILED
            for _ in range(3):
                await coordinator.reaches(PhaseName.FAILURE)
                coordinator.clock.advance(1)
        await coordinator.reaches(PhaseName.SUM, after=1)
        assert coordinator.ctx.state.round_id == 2


async def test_a_part_that_cannot_be_stored_fails_the_round_at_once(store, monkeypatch):
    """No whole message comes that the phase would notice it by."""
    async with running(store=store) as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        bodies = chunked(member, member.update_payload(coordinator.sums))
        with monkeypatch.context() as patch:
            patch.setattr("petal_server.storage.tables.Tables.put_chunk", fail)
            assert await coordinator.post(bodies[0]) == FAILED
            await coordinator.reaches(PhaseName.FAILURE)
        assert "round 1, update: storage: " in coordinator.ctx.last_failure
        await coordinator.reaches(PhaseName.SUM, after=1)
        assert await coordinator.post(summers(coordinator.params, 1)[0].sum()) == ACCEPTED


async def test_who_was_accepted_is_told_so_though_its_parts_cannot_be_forgotten(store, monkeypatch):
    async def broken(*_):
        raise StorageError("Input/output error")

    async with running(store=store) as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        *first, last = chunked(member, member.update_payload(coordinator.sums))
        for body in first:
            assert (await coordinator.post(body)).outcome is Outcome.PENDING
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStorage, "drop_chunks", broken)
            assert await coordinator.post(last) == ACCEPTED
            await coordinator.reaches(PhaseName.FAILURE)
        assert "round 1, update: storage: " in coordinator.ctx.last_failure


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit, which breaks another process's disk")
def test_a_full_disk_under_the_real_server(tmp_path):
    """No file may grow any more, and then it may again."""
    accept = {"accept": "application/json"}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    variables = {
        "PETAL__STORAGE__KIND": "sqlite",
        "PETAL__STORAGE__PATH": str(tmp_path / "data"),
        "PETAL__ROUND__FAILURE_DELAY": "0.05",
        "PETAL__PET__SUM__TIME__MIN": "30",
    }

    def register(client, number):
        params = decode_params(client.get("/params").content)
        body = summers(params, 1, first=number)[0].sum()
        return client.post("/message", content=body, headers=accept).json()

    with serving(**variables) as (url, process, log), httpx.Client(base_url=url) as client:
        assert register(client, 0)["outcome"] == "accepted"
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, limits[1]))
        assert register(client, 50) == {"outcome": "rejected", "reason": "coordinator_error"}
        time.sleep(0.5)
        failed = client.get("/status").json()
        assert failed["phase"] in ("failure", "idle")
        assert ": storage: " in failed["last_failure"]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        for _ in range(200):
            if client.get("/status").json()["phase"] == "sum":
                break
            time.sleep(0.05)
        assert register(client, 0)["outcome"] == "accepted"
        process.kill()
        process.wait()
    assert any('"reason": "storage"' in line for line in log)
    with SqliteStorage(tmp_path / "data") as store:
        assert store._memory.sums
