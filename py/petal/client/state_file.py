"""Files that are written whole or not at all, and readable by their owner only."""

import os
import tempfile
from collections.abc import Callable
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
