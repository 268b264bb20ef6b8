"""The database file: who may open it, whether it is ours, and its tables."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from petal_server.storage.base import StorageError
from petal_server.storage.files import private_file, private_folder

NAME = "petal.db"
APPLICATION_ID = 0x50455441
"""``PETA``, in the file's header: tells our database from any other."""
SCHEMA_VERSION = 1
ELSEWHERE = "or set storage.path to another folder"

_SCHEMA = f"""
BEGIN;
CREATE TABLE round (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    round_id INTEGER NOT NULL,
    secret_key BLOB NOT NULL,
    params BLOB NOT NULL,
    phase TEXT NOT NULL,
    began REAL NOT NULL,
    journal_first INTEGER NOT NULL,
    journal_end INTEGER NOT NULL
);
CREATE TABLE sums (
    number INTEGER PRIMARY KEY,
    sum_pk BLOB NOT NULL UNIQUE,
    ephemeral_pk BLOB NOT NULL
);
CREATE TABLE updates (
    number INTEGER PRIMARY KEY,
    update_pk BLOB NOT NULL UNIQUE,
    sealed_seeds BLOB NOT NULL
);
CREATE TABLE masks (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    mask BLOB NOT NULL
);
CREATE TABLE votes (
    number INTEGER PRIMARY KEY,
    sum_pk BLOB NOT NULL UNIQUE,
    mask INTEGER NOT NULL REFERENCES masks
);
CREATE TABLE chunks (
    message INTEGER NOT NULL,
    chunk_id INTEGER NOT NULL,
    sender BLOB NOT NULL,
    tag INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    last INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (message, chunk_id)
);
CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    bincode_sha256 BLOB NOT NULL,
    npy_sha256 BLOB NOT NULL
);
CREATE TABLE latest_model (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    id TEXT NOT NULL
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


def claim(folder: Path) -> sqlite3.Connection:
    """Hold ``folder`` for this process, until the connection is closed or the process ends.

    SQLite's own locks do this on every system, and a process that is killed leaves none behind.
    They are on a file of their own, so that the database can be read meanwhile.

    Raises:
        StorageError: Another process holds it, or it cannot be written to.
    """
    path = folder / "lock"
    try:
        private_folder(folder)
        os.close(private_file(path))
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be used to store rounds: {error.strerror}. Correct that, {ELSEWHERE}"
        ) from error
    lock = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        raise StorageError(
            f"{folder} is in use by another coordinator ({error}). Stop that one, {ELSEWHERE}"
        ) from error
    return lock


def connect(folder: Path) -> sqlite3.Connection:
    """The database in ``folder``, made if it is not there.

    Raises:
        StorageError: It is damaged, or not ours, or written by a newer version.
    """
    path = folder / NAME
    try:
        os.close(private_file(path))
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from error
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        _check(db, path)
        _prepare(db)
    except StorageError:
        db.close()
        raise
    # SQLite may quote what it finds in a damaged file, and that need not be UTF-8.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        db.close()
        raise StorageError(
            f"{path} cannot be used: {error}. If it is damaged, restore the folder from a backup, "
            f"{ELSEWHERE}"
        ) from error
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and _number(db, "application_id") != APPLICATION_ID:
        raise StorageError(f"{path} is another program's database. Move it away, {ELSEWHERE}")
    version = _number(db, "user_version")
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path} was written by a newer version of Petal (schema {version}, this one knows "
            f"{SCHEMA_VERSION}). Run that version, {ELSEWHERE}"
        )
    if version == SCHEMA_VERSION and _schema(db) != _own_schema():
        raise sqlite3.DatabaseError("its tables are not those that Petal made")


def _schema(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def _own_schema() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SCHEMA)
        return _schema(db)


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    # A commit is on the disk when it returns, also if the power fails then.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA fullfsync = ON")
    # Or the log of one large commit would keep its size for ever.
    db.execute(f"PRAGMA journal_size_limit = {64 * 2**20}")
    # The key of a round that is over is overwritten. Not so pages that are let go as a whole: with
    # ON, forgetting half a gigabyte of chunks would write half a gigabyte of zeros.
    db.execute("PRAGMA secure_delete = FAST")
    if not _number(db, "user_version"):
        db.executescript(_SCHEMA)


def _number(db: sqlite3.Connection, pragma: str) -> int:
    return db.execute(f"PRAGMA {pragma}").fetchone()[0]
