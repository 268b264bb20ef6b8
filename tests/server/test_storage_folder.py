"""The folder of a durable store: who may use it, who may read it, and what is wrong with it."""

import errno
import os
import signal
import sqlite3
import stat

import pytest

from petal_server.storage import GlobalModel, SqliteStorage, StorageError, files
from petal_server.storage.database import NAME

from .killed import copy_of, opened_after_a_kill
from .store_calls import add_update, begin, everything, with_sums
from .stored import UPDATE_A, state
from .test_serve import finished, serving

pytestmark = pytest.mark.anyio

MODEL = GlobalModel("1_aa", b"exact", b"array")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


async def filled(folder, **options):
    """A folder with a round, two updates of which one is in a checkpoint, and a model."""
    with SqliteStorage(folder, **options) as store:
        await store.set_global_model(MODEL)
        await with_sums(store)
        await add_update(store, UPDATE_A, 1)
        await store.commit()
        return await everything(store)


def refused(folder, text, **options):
    """Opening raises an error with this text, and leaves the folder free for another."""
    for _ in range(2):
        with pytest.raises(StorageError, match=text):
            SqliteStorage(folder, **options)


# ---- one at a time ----


def test_a_second_store_is_refused_until_the_first_is_closed(folder):
    with SqliteStorage(folder):
        refused(folder, "is in use by another coordinator .*set storage.path to another folder")
    SqliteStorage(folder).close()


def test_two_coordinators_on_one_folder(folder):
    variables = {"PETAL__STORAGE__KIND": "sqlite", "PETAL__STORAGE__PATH": str(folder)}
    with serving(**variables) as (_, process, _):
        second = finished("serve", **variables)
        assert second.returncode == 2
        assert second.stdout == ""
        (line,) = second.stderr.splitlines()
        assert line.startswith(f"petal serve: {folder} is in use by another coordinator")
        # A process that is killed holds nothing back.
        process.send_signal(signal.SIGKILL)
        process.wait()
        with serving(**variables) as (_, third, _):
            third.terminate()
            assert third.wait() == 0


async def test_it_can_be_read_while_it_is_in_use(folder):
    with SqliteStorage(folder) as store:
        await with_sums(store)
        await store.commit()
        reader = sqlite3.connect(f"file:{folder / NAME}?mode=ro", uri=True)
        assert reader.execute("SELECT count(*) FROM sums").fetchone() == (2,)
        await begin(store, 2)
        assert reader.execute("SELECT count(*) FROM sums").fetchone() == (0,)
        reader.close()


# ---- secrets ----


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_nobody_else_can_read_it(folder):
    before = os.umask(0)
    try:
        await filled(folder, checkpoint_updates=1)
        with SqliteStorage(folder) as store:
            await store.add_sum_participant(b"x" * 32, b"x" * 32)
            await store.commit()
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    finally:
        os.umask(before)
    names = {path.name for path in modes}
    assert {NAME, f"{NAME}-wal", "lock", "1-1.journal", "1_aa.npy", "1_aa.bincode"} <= names
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path, mode in modes.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
async def test_a_database_that_others_could_read_is_closed_to_them(folder):
    await filled(folder)
    (folder / NAME).chmod(0o644)
    SqliteStorage(folder).close()
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600


async def test_the_key_of_a_round_that_is_over_is_not_in_the_files(folder):
    with SqliteStorage(folder) as store:
        await begin(store, 3)
        await begin(store, 4)
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert state(4).keys.secret in data
    assert state(3).keys.secret not in data


async def test_errors_and_logs_hold_no_secret(folder, capsys):
    await filled(folder)
    with opened_after_a_kill(folder) as store:
        found = await store.stored_round()
        shown = repr(found) + repr(store) + str(capsys.readouterr())
    secret = state(1).keys.secret
    assert secret.hex() not in shown
    assert repr(secret) not in shown


# ---- what cannot be used ----


def test_a_path_that_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "cannot be used to store rounds: File exists")
    refused(tmp_path / "file" / "data", "cannot be used to store rounds: Not a directory")


def test_a_folder_of_ours_in_one_that_is_not(folder, monkeypatch):
    """Its parent may be another user's who lets us through, and not look around."""

    def sync_ours(path):
        if path == folder.parent:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "sync_folder", sync_ours)
    with pytest.raises(StorageError, match="cannot be used to store rounds: Permission denied"):
        SqliteStorage(folder)
    SqliteStorage(folder).close()  # now it is there, as if made for us


@pytest.mark.parametrize("content", [b"hello, this is a text\n" * 300, os.urandom(8192)])
def test_a_file_that_is_no_database(folder, content):
    folder.mkdir()
    (folder / NAME).write_bytes(content)
    refused(folder, f"{NAME} cannot be used: file is not a database.*from a backup")
    assert (folder / NAME).read_bytes() == content


def test_another_program_s_database(folder):
    folder.mkdir()
    with sqlite3.connect(folder / NAME) as other:
        other.execute("CREATE TABLE cats (name TEXT)")
    other.close()
    refused(folder, f"{NAME} is another program's database. Move it away, or set storage.path")


async def test_a_newer_version_s_database(folder):
    await filled(folder)
    db = sqlite3.connect(folder / NAME)
    db.execute("PRAGMA user_version = 2")
    db.close()
    refused(folder, r"by a newer version of Petal \(schema 2, this one knows 1\)")


async def test_a_byte_changed_in_the_database_raises_nothing_but_storage_errors(folder):
    """SQLite finds broken pages; in an intact one it believes what it reads."""
    before = await filled(folder)
    data, found = (folder / NAME).read_bytes(), 0
    used = [place for place, byte in enumerate(data) if byte]
    for place in used[:: len(used) // 60]:
        copy, changed = copy_of(folder), bytearray(data)
        changed[place] ^= 0xFF
        (copy / NAME).write_bytes(changed)
        try:
            store = SqliteStorage(copy)
        except StorageError:
            found += 1
            continue
        with store:
            assert (await everything(store))["running"] == before["running"]
    assert found > 3


async def test_a_database_that_was_cut_off(folder):
    await filled(folder)
    with (folder / NAME).open("r+b") as file:
        file.truncate(8192)
    refused(folder, f"{NAME} cannot be used")


async def test_a_damaged_journal_and_the_way_out(folder):
    await filled(folder)
    (path,) = (folder / "journal").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    refused(folder, r"1-0\.journal is damaged.*or start anew with restore.enable = false")
    with SqliteStorage(folder, restore=False) as store:
        assert await store.stored_round() is None
        assert await store.latest_global_model() is None
        assert await store.global_model(MODEL.id) == MODEL
        assert list((folder / "journal").iterdir()) == []
        await with_sums(store)
    with SqliteStorage(folder) as store:
        assert (await store.stored_round()).state == state(1)


@pytest.mark.parametrize("name", ["1_aa.npy", "1_aa.bincode"])
async def test_a_model_that_is_gone_or_changed(folder, name):
    await filled(folder)
    path = folder / "models" / name
    path.write_bytes(b"other")
    refused(folder, f"{name} is not what was written there. Put the file back, or")
    path.unlink()
    refused(folder, f"{name} cannot be read: No such file or directory. Put the file back, or")
    with SqliteStorage(folder, restore=False) as store:
        assert await store.latest_global_model() is None


async def test_seeds_without_their_model(folder):
    await filled(folder)
    db = sqlite3.connect(folder / NAME)
    db.execute("INSERT INTO updates VALUES (2, ?, ?)", (b"u" * 32, bytes(160)))
    db.commit()
    db.close()
    refused(folder, "is damaged: the seeds of 2 updates, but 1 masked models. Restore")


def test_the_real_server_says_what_to_do(folder):
    folder.mkdir()
    (folder / NAME).write_bytes(b"no database" * 100)
    variables = {"PETAL__STORAGE__KIND": "sqlite", "PETAL__STORAGE__PATH": str(folder)}
    done = finished("serve", **variables)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"petal serve: {folder / NAME} cannot be used: file is not a database" in done.stderr


def test_leftovers_of_models_that_were_never_finished_are_removed(folder):
    SqliteStorage(folder).close()
    (folder / "models" / ".9_cc.npy.new").write_bytes(b"half")
    SqliteStorage(folder).close()
    assert list((folder / "models").iterdir()) == []
