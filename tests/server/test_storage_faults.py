"""A disk that fails: a named error, nothing half stored, and a way on."""

import asyncio

import pytest

from petal_server.storage import (
    GlobalModel,
    SqliteStorage,
    StorageError,
    Stored,
    files,
    model_files,
)

from .disk_faults import FAULTS, fail
from .killed import opened_after_a_kill
from .store_calls import add_update, begin, everything, with_sums
from .stored import KEY_A, SUM_A, UPDATE_A, UPDATE_B, chunk, masked, state

pytestmark = pytest.mark.anyio

MODEL = GlobalModel("1_aa", b"exact", b"array")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(folder):
    with SqliteStorage(folder) as store:
        yield store


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
