"""Files that only their owner may read, and that are there after the power has failed."""

import os
from pathlib import Path

# Windows has no modes to speak of and cannot open a folder; macOS has no fdatasync.
_BINARY = getattr(os, "O_BINARY", 0)
_sync = getattr(os, "fdatasync", os.fsync)


def private_folder(path: Path) -> None:
    """Make ``path`` and what is missing above it; only the owner may enter what is made."""
    there = path.is_dir()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        sync_folder(path.parent)
    except PermissionError:
        # Whoever made it for us may not let us look at what else is there.
        if not there:
            raise


def private_file(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """A descriptor of ``path``, which nobody but its owner may read or write from now on."""
    opened = os.open(path, flags | _BINARY, 0o600)
    if os.name != "nt":
        os.fchmod(opened, 0o600)
    return opened


def write_all(opened: int, data: bytes | memoryview) -> None:
    """All of ``data``; the system may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(opened, rest) :]


def sync(opened: int) -> None:
    """Return when what was written is on the disk."""
    _sync(opened)


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: after a crash it is there as a whole or not at all."""
    unfinished = path.with_name(f".{path.name}.new")
    opened = private_file(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(opened, data)
        sync(opened)
    finally:
        os.close(opened)
    os.replace(unfinished, path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have names that were made or changed in ``path`` outlive a power failure."""
    if os.name == "nt":
        return
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
