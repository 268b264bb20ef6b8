"""A disk that fails: a named error, nothing half stored, and a way on."""

import asyncio
import errno
import os
import resource
import sys
import threading
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from petal.wire import decode_params
from petal_server import health
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.storage import (
    GlobalModel,
    SqliteStorage,
    StorageError,
    Stored,
    files,
    journal,
    model_files,
)

from .harness import ACCEPTED, running
from .killed import opened_after_a_kill
from .members import summers, updaters
from .storage_contract import (
    KEY_A,
    SUM_A,
    UPDATE_A,
    UPDATE_B,
    add_update,
    begin,
    chunk,
    everything,
    masked,
    state,
    with_sums,
)
from .test_multipart import chunked
from .test_serve import serving

pytestmark = pytest.mark.anyio

FAILED = Receipt(Outcome.REJECTED, Reason.COORDINATOR_ERROR)
MODEL = GlobalModel("1_aa", b"exact", b"array")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(folder):
    with SqliteStorage(folder) as store:
        yield store


def fail(*_, **__):
    raise OSError(errno.EIO, "Input/output error")


def half_written(opened, data):
    os.write(opened, bytes(data)[: len(data) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


FAULTS = {
    "the journal cannot be written": lambda patch: patch.setattr(journal, "write_all", fail),
    "the disk is full in the midst of a record": lambda patch: patch.setattr(
        journal, "write_all", half_written
    ),
    "the journal cannot be synced": lambda patch: patch.setattr(journal, "sync", fail),
    "its folder cannot be synced": lambda patch: patch.setattr(journal, "sync_folder", fail),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("updates_before", [0, 1])
async def test_nothing_is_half_stored(store, folder, monkeypatch, fault, updates_before):
    await with_sums(store)
    if updates_before:
        await add_update(store, UPDATE_A, 1)
        if fault is FAULTS["its folder cannot be synced"]:
            store._checkpoint_updates = 1
    await store.commit()
    before = await everything(store)
    with monkeypatch.context() as patch:
        fault(patch)
        await add_update(store, UPDATE_B, 2)
        with pytest.raises(StorageError, match=str(folder)):
            await store.commit()
    with opened_after_a_kill(folder) as other:
        assert await everything(other) == before
        assert await add_update(other, UPDATE_B, 2) is Stored.ADDED
        await other.commit()


async def test_a_full_database(store, folder):
    await with_sums(store)
    await store.commit()
    before = await everything(store)
    # SQLite says so itself when it needs a page more than this.
    pages = store._disk._db.execute("PRAGMA page_count").fetchone()[0]
    store._disk._db.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        await store.add_chunk(chunk(number, 0, bytes(4000)))
    with pytest.raises(StorageError, match="full"):
        await store.commit()
    with opened_after_a_kill(folder) as other:
        assert await everything(other) == before


@pytest.mark.parametrize("name", ["write_all", "sync", "sync_folder"])
async def test_a_model_that_cannot_be_written_is_not_there(store, folder, monkeypatch, name):
    await begin(store)
    with monkeypatch.context() as patch:
        patch.setattr(files, name, fail)
        with pytest.raises(StorageError, match="Input/output error"):
            await store.set_global_model(MODEL)
    with opened_after_a_kill(folder) as other:
        assert await other.latest_global_model() is None
        await other.set_global_model(MODEL)
        assert await other.latest_global_model() == MODEL
        assert len(list((other._disk.folder / "models").iterdir())) == 2


async def test_after_an_error_nothing_is_taken_until_the_store_is_mended(store, monkeypatch):
    await with_sums(store)
    await store.commit()
    with monkeypatch.context() as patch:
        FAULTS["the journal cannot be synced"](patch)
        await add_update(store, UPDATE_A, 1)
        with pytest.raises(StorageError):
            await store.commit()
    calls = [
        lambda: store.add_sum_participant(SUM_A, KEY_A),
        lambda: add_update(store, UPDATE_B, 2),
        lambda: store.add_mask(SUM_A, b"mask"),
        lambda: store.add_chunk(chunk(1, 0)),
        lambda: store.enter_phase("sum2", 1.0),
        lambda: store.begin_round(state(2), "sum", 1.0),
        store.sum_dictionary,
        store.running_sum,
        store.commit,
        store.latest_global_model,
    ]
    for call in calls:
        with pytest.raises(StorageError, match="Input/output error"):
            await call()
    await store.check_ready()
    assert await store.stored_round() is None
    await with_sums(store)
    assert await add_update(store, UPDATE_A, 1) is Stored.ADDED
    await store.commit()
    assert (await store.running_sum()).object() == masked(1)


async def test_all_who_wait_for_a_failed_commit_are_told(store, monkeypatch):
    await begin(store)
    FAULTS["the journal cannot be synced"](monkeypatch)
    keys = [bytes([number]) * 32 for number in range(20)]
    for key in keys:
        await store.add_sum_participant(key, key)
    await store.add_update(UPDATE_A, dict.fromkeys(keys, bytes(80)), masked(1))
    outcomes = await asyncio.gather(*(store.commit() for _ in keys), return_exceptions=True)
    assert all(isinstance(outcome, StorageError) for outcome in outcomes)


async def test_a_file_that_cannot_be_deleted_is_only_a_warning(store, monkeypatch, capsys):
    await with_sums(store)
    await add_update(store, UPDATE_A, 1)
    await store.commit()
    monkeypatch.setattr("petal_server.storage.disk.remove_journals", fail)
    await begin(store, 2)
    assert "a file that is no longer needed cannot be deleted" in capsys.readouterr().out
    assert (await store.stored_round()).state == state(2)


async def test_old_model_files_that_cannot_be_deleted(tmp_path, monkeypatch, capsys):
    with SqliteStorage(tmp_path / "data", keep_models=1) as store:
        await store.set_global_model(MODEL)
        monkeypatch.setattr(model_files.ModelFiles, "remove", fail)
        await store.set_global_model(GlobalModel("2_bb", b"", b""))
        assert "cannot be deleted" in capsys.readouterr().out
        assert (await store.latest_global_model()).id == "2_bb"
        assert await store.global_model("1_aa") is None


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
