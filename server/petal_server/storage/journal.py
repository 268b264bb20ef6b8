"""The journal: masked models in the order they were accepted, appended once and never changed.

A file is eight bytes that name its kind, then records: a head of 21 bytes and a mask object as it
travels on the wire. The first record may be the running sum of all models before it (a
checkpoint); each other one is a single masked model. The head (little-endian): kind, CRC-32 of
the rest of the record u32, how many models there are up to and with it u64, size u64.

The database says how far the file counts. What stands behind that was never answered for.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from petal.errors import PetalError
from petal.mask import Aggregation, MaskObject
from petal_server.storage.base import StorageError
from petal_server.storage.files import private_file, sync, sync_folder, write_all

log = structlog.get_logger("petal.storage")

MAGIC = b"PETALJ1\n"
HEAD = struct.Struct("<cIQQ")
SUM, MODEL = b"S", b"M"


@dataclass(frozen=True)
class Position:
    """How far a round's journal counts: the file that begins after ``first`` models, and bytes."""

    first: int = 0
    end: int = 0


class Journal:
    """The journal of one round from a position on; what stands behind that is cut off.

    Its methods block, and are not for two threads at once. After an OSError only a new one, at the
    last position that counted, can go on.
    """

    def __init__(self, folder: Path, round_id: int, position: Position) -> None:
        self._folder, self._round_id = folder, round_id
        self._file: int | None = None
        self._first, self._end = position.first, position.end
        if position.end:
            if not self.path.exists():
                raise self._damaged(0)
            self._file = private_file(self.path, os.O_RDWR)
            self._cut_off_tail()
        elif self.path.exists():
            self._tell_of_tail(self.path.stat().st_size)
            self.path.unlink()

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._folder / f"{self._round_id}-{self._first}.journal"

    @property
    def position(self) -> Position:
        """What the database must say so that everything written so far counts."""
        return Position(self._first, self._end)

    def append(self, number: int, model: MaskObject) -> None:
        """Write the ``number``-th masked model (from 1) of the round."""
        if self._file is None:
            self._create()
        self._write(MODEL, number, model)

    def begin_with(self, number: int, total: MaskObject) -> None:
        """Go on in a new file, which begins with the sum of the first ``number`` models."""
        self.close()
        self._first = number
        self._create()
        self._write(SUM, number, total)

    def sync(self) -> None:
        """Return when all that was written is on the disk."""
        if self._file is not None:
            sync(self._file)

    def sum_into(self, aggregation: Aggregation) -> None:
        """Add up what counts.

        Raises:
            StorageError: It is damaged, or of another round than ``aggregation``.
        """
        for offset, kind, number, body in self._records():
            try:
                aggregation.add(MaskObject.from_bytes(body))
            except PetalError as error:
                raise self._damaged(offset) from error
            if kind == SUM:
                aggregation.nb_models = number
            if aggregation.nb_models != number:
                raise self._damaged(offset)

    def close(self) -> None:
        """Close the file; ``append`` must not follow, ``begin_with`` may."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _create(self) -> None:
        self._file = private_file(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        write_all(self._file, MAGIC)
        self._end = len(MAGIC)
        sync_folder(self._folder)

    def _write(self, kind: bytes, number: int, found: MaskObject) -> None:
        body = found.to_bytes()
        write_all(self._file, HEAD.pack(kind, _checksum(kind, number, body), number, len(body)))
        write_all(self._file, body)
        self._end += HEAD.size + len(body)

    def _cut_off_tail(self) -> None:
        size = os.fstat(self._file).st_size
        if size < self._end:
            raise self._damaged(size)
        if size > self._end:
            self._tell_of_tail(size - self._end)
            os.ftruncate(self._file, self._end)
        os.lseek(self._file, self._end, os.SEEK_SET)

    def _tell_of_tail(self, size: int) -> None:
        log.warning("cut off what was never answered for", file=self.path.name, bytes=size)

    def _records(self) -> Iterator[tuple[int, bytes, int, bytes]]:
        if self._file is None:
            return
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise self._damaged(0)
            while (offset := file.tell()) < self._end:
                yield offset, *self._record(offset, file)

    def _record(self, offset: int, file: BinaryIO) -> tuple[bytes, int, bytes]:
        # Sizes are asked before reading: a damaged one must not ask for all memory.
        if offset + HEAD.size > self._end:
            raise self._damaged(offset)
        kind, checksum, number, size = HEAD.unpack(file.read(HEAD.size))
        if offset + HEAD.size + size > self._end:
            raise self._damaged(offset)
        body = file.read(size)
        expected = kind == MODEL or (kind == SUM and offset == len(MAGIC))
        if not expected or checksum != _checksum(kind, number, body):
            raise self._damaged(offset)
        return kind, number, body

    def _damaged(self, offset: int) -> StorageError:
        return StorageError(
            f"{self.path} is damaged at byte {offset}: masked models that were accepted are lost. "
            "Restore the folder from a backup, or start anew with restore.enable = false, which "
            "gives the round up and keeps the files of all global models"
        )


def remove_journals(folder: Path, but: Path | None = None) -> None:
    """Delete all journals in ``folder``, or all but one."""
    for path in folder.glob("*.journal"):
        if path != but:
            path.unlink()


def _checksum(kind: bytes, number: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(HEAD.pack(kind, 0, number, len(body))))
