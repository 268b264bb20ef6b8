"""Everything of the durable store that blocks: one transaction at a time.

The database decides what counts. A masked model is in the journal, on the disk, before the
transaction that stores its seeds says how far the journal counts: a process that is killed between
the two leaves a tail behind that nobody was told of.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from petal.errors import PetalError
from petal.mask import MaskObject
from petal.wire import Tag
from petal_server.storage import database
from petal_server.storage.base import (
    GlobalModel,
    StorageError,
    StoredChunk,
    StoredRound,
)
from petal_server.storage.files import private_folder
from petal_server.storage.journal import Journal, Position, remove_journals
from petal_server.storage.model_files import ModelFiles
from petal_server.storage.round_memory import RoundMemory
from petal_server.storage.tables import Tables

log = structlog.get_logger("petal.storage")

Step = Callable[[Tables], None]
"""A part of a transaction."""


class Disk:
    """A folder with a database, a journal and global models, held for this process.

    Not for two threads at once. Every method may raise StorageError.
    """

    def __init__(self, folder: Path, keep_models: int) -> None:
        self.folder, self._keep_models = folder, keep_models
        self._journals = folder / "journal"
        self._journal: Journal | None = None
        self._counted = Position()
        self._afterwards: list[Callable[[], None]] = []
        self._lock = database.claim(folder)
        try:
            with self._translated():
                private_folder(self._journals)
                self._models = ModelFiles(folder / "models")
            self._db = database.connect(folder)
        except StorageError:
            self._lock.close()
            raise

    @property
    def _tables(self) -> Tables:
        return Tables(self._db)

    @property
    def checkpointed(self) -> int:
        """How many masked models are in the running sum that was last written."""
        return self._counted.first

    def write(self, steps: Sequence[Step]) -> None:
        """Have all steps on the disk, or none; after a StorageError only ``reopen`` helps."""
        self._afterwards.clear()
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            for step in steps:
                step(self._tables)
            self._count_journal()
            self._db.execute("COMMIT")
        self._clean_up()

    def _count_journal(self) -> None:
        if self._journal is not None and self._journal.position != self._counted:
            self._journal.sync()
            self._counted = self._journal.position
            self._tables.put_position(self._counted)

    def _clean_up(self) -> None:
        for remove in self._afterwards:
            try:
                remove()
            except OSError as error:
                log.warning("a file that is no longer needed cannot be deleted", detail=str(error))

    def _remove_old_journals(self) -> None:
        remove_journals(self._journals, but=self._journal.path)

    def reopen(self) -> None:
        """Mend what an error broke. The round is not read again: a new one must begin."""
        self._close_files()
        self._db = database.connect(self.folder)

    def close(self) -> None:
        """Let go of the folder."""
        self._close_files()
        self._lock.close()

    def _close_files(self) -> None:
        self._db.close()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{self.folder}: {error}") from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with self._translated():
                yield
        except (PetalError, ValueError, TypeError, KeyError) as error:
            raise StorageError(
                f"{self.folder / database.NAME} is damaged: {error}. Restore the folder from a "
                "backup, or start anew with restore.enable = false"
            ) from error

    # ---- steps that are more than a table's ----

    def begin_round(self, tables: Tables, new: StoredRound) -> None:
        tables.put_round(new)
        if self._journal is not None:
            self._journal.close()
        self._counted = Position()
        self._journal = Journal(self._journals, new.state.round_id, self._counted)
        self._afterwards.append(self._remove_old_journals)

    def add_update(
        self, tables: Tables, number: int, update_pk: bytes, seeds: list[bytes], model: MaskObject
    ) -> None:
        self._journal.append(number, model)
        tables.put_update(number, update_pk, seeds)

    def checkpoint(self, number: int, total: MaskObject) -> None:
        self._journal.begin_with(number, total)
        self._afterwards.append(self._remove_old_journals)

    def set_model(self, tables: Tables, model: GlobalModel) -> None:
        tables.put_model(model.id, self._models.write(model))
        for retired in tables.retire_models(self._keep_models) if self._keep_models else ():
            self._afterwards.append(lambda model_id=retired: self._models.remove(model_id))

    # ---- reading ----

    def load_round(self) -> tuple[StoredRound, RoundMemory] | None:
        """The round under way, as it was when the last transaction was written."""
        with self._reading():
            found = self._tables.round()
            if found is None:
                remove_journals(self._journals)
                return None
            stored, self._counted = found
            self._journal = Journal(self._journals, stored.state.round_id, self._counted)
            self._remove_old_journals()
            return stored, self._fill(RoundMemory(stored.state.params))

    def _fill(self, memory: RoundMemory) -> RoundMemory:
        for sum_pk, ephemeral_pk in self._tables.sum_participants():
            memory.add_sum_participant(sum_pk, ephemeral_pk)
        for update_pk, seeds in self._tables.updates():
            memory.add_seeds(update_pk, dict(zip(memory.sums, seeds, strict=False)))
        self._journal.sum_into(memory.running_sum)
        seeds, models = memory.accepted[Tag.UPDATE], memory.running_sum.nb_models
        if seeds != models:
            raise ValueError(f"the seeds of {seeds} updates, but {models} masked models")
        for sum_pk, mask in self._tables.votes():
            memory.add_mask(sum_pk, mask)
        return memory

    def chunks(self) -> list[StoredChunk]:
        with self._reading():
            return self._tables.chunks()

    def has_model(self, model_id: str) -> bool:
        with self._reading():
            return self._tables.model(model_id) is not None

    def model(self, model_id: str) -> GlobalModel | None:
        with self._reading():
            digests = self._tables.model(model_id)
        return digests and self._models.read(model_id, digests)

    def latest_model(self) -> GlobalModel | None:
        with self._reading():
            model_id = self._tables.latest_model()
        return model_id and self.model(model_id)

    def forget_round(self) -> None:
        """Begin anew: no round and no latest model. The files of all models stay."""
        self.write([Tables.empty_round, Tables.forget_latest_model])
