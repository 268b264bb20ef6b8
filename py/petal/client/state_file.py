"""Files that are written whole or not at all, and readable by their owner only."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from petal.errors import ParticipantError, SnapshotError


def read_state(path: Path) -> bytes | None:
    """The saved participant, or None where there is no such file; SnapshotError if unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def held(path: Path | None) -> Iterator[None]:
    """Within, no other process can hold the participant in this file; ParticipantError if one does.

    Both would send an update, and its privacy budget know of one. The lock is SQLite's, as the
    coordinator's: it works on every system, and a process that is killed leaves none behind.
    """
    if path is None:
        yield
        return
    try:
        lock = sqlite3.connect(path.with_name(f".{path.name}.lock"), timeout=0)
    except sqlite3.Error as error:
        raise ParticipantError(f"{path} cannot be written: {error}") from error
    with closing(lock):
        _take(lock, path)
        yield


def _take(lock: sqlite3.Connection, path: Path) -> None:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise ParticipantError(f"{path} cannot be written: {error}") from error
        raise ParticipantError(
            f"the participant in {path} takes part already, in another process: stop that one "
            "first, or start another participant with a state file of its own"
        ) from error


def write_file(path: Path, content: bytes | Callable[[BinaryIO], None]) -> None:
    """Replace the file by `content`, or by what `content(file)` writes; ParticipantError if not.

    A crash in the middle leaves the old file. Mode 600: a state file holds keys.
    """
    write = content if callable(content) else lambda file: file.write(content)
    try:
        _replace(path, write)
    except OSError as error:
        raise ParticipantError(f"{path} cannot be written: {error.strerror}") from error


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    # mkstemp makes the file for its owner alone, and beside the target so that it can be moved.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
