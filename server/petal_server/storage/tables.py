"""What stands in the database's tables, and how it is written and read. All of it blocks."""

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import sha256

from petal.crypto import EncryptionKeyPair
from petal.wire import SEALED_SEED_SIZE, Chunk, Tag, decode_params, encode_params
from petal_server.storage.base import CoordinatorState, StoredChunk, StoredRound
from petal_server.storage.journal import Position
from petal_server.storage.model_files import Digests

Update = tuple[bytes, list[bytes]]
"""An update's sender, and a sealed seed for each sum participant in the order these came."""


class Tables:
    """The tables of one connection; the caller begins and commits transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # ---- writing ----

    def put_round(self, new: StoredRound) -> None:
        self.empty_round()
        state, params = new.state, encode_params(new.state.params)
        values = state.round_id, state.keys.secret, params, new.phase, new.began
        self._db.execute("INSERT INTO round VALUES (1, ?, ?, ?, ?, ?, 0, 0)", values)

    def put_phase(self, phase: str, began: float) -> None:
        self._db.execute("UPDATE round SET phase = ?, began = ?", (phase, began))
        self._db.execute("DELETE FROM chunks")

    def put_position(self, journal: Position) -> None:
        change = "UPDATE round SET journal_first = ?, journal_end = ?"
        self._db.execute(change, (journal.first, journal.end))

    def put_sum_participant(self, sum_pk: bytes, ephemeral_pk: bytes) -> None:
        insert = "INSERT INTO sums (sum_pk, ephemeral_pk) VALUES (?, ?)"
        self._db.execute(insert, (sum_pk, ephemeral_pk))

    def put_update(self, number: int, update_pk: bytes, seeds: Sequence[bytes]) -> None:
        values = number, update_pk, b"".join(seeds)
        self._db.execute("INSERT INTO updates VALUES (?, ?, ?)", values)

    def put_vote(self, sum_pk: bytes, mask: bytes) -> None:
        # Sum participants mostly agree, and a mask is as large as a model: each is kept once.
        digest = sha256(mask).digest()
        insert = "INSERT OR IGNORE INTO masks (digest, mask) VALUES (?, ?)"
        self._db.execute(insert, (digest, mask))
        vote = "INSERT INTO votes (sum_pk, mask) SELECT ?, number FROM masks WHERE digest = ?"
        self._db.execute(vote, (sum_pk, digest))

    def put_chunk(self, stored: StoredChunk) -> None:
        chunk = stored.chunk
        values = stored.message, chunk.chunk_id, stored.sender, int(stored.tag)
        values += chunk.message_id, chunk.last, chunk.data
        insert = "INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._db.execute(insert, values)

    def drop_chunks(self, message: int) -> None:
        self._db.execute("DELETE FROM chunks WHERE message = ?", (message,))

    def put_model(self, model_id: str, digests: Digests) -> None:
        insert = "INSERT INTO models (id, bincode_sha256, npy_sha256) VALUES (?, ?, ?)"
        self._db.execute(insert, (model_id, *digests))
        self._db.execute("INSERT OR REPLACE INTO latest_model VALUES (1, ?)", (model_id,))

    def retire_models(self, keep: int) -> list[str]:
        """Forget all but the newest ``keep`` models; the ids of those forgotten."""
        old = "SELECT id FROM models ORDER BY number DESC LIMIT -1 OFFSET ?"
        retired = [model_id for (model_id,) in self._db.execute(old, (keep,))]
        for model_id in retired:
            self._db.execute("DELETE FROM models WHERE id = ?", (model_id,))
        return retired

    def empty_round(self) -> None:
        for table in ("round", "sums", "updates", "votes", "masks", "chunks"):
            self._db.execute(f"DELETE FROM {table}")

    def forget_latest_model(self) -> None:
        self._db.execute("DELETE FROM latest_model")

    # ---- reading ----

    def round(self) -> tuple[StoredRound, Position] | None:
        """The round under way, and how far its journal counts."""
        row = self._db.execute("SELECT * FROM round").fetchone()
        if row is None:
            return None
        _, round_id, secret, params, phase, began, first, end = row
        keys = EncryptionKeyPair.from_secret(secret)
        state = CoordinatorState(round_id, keys, decode_params(params))
        return StoredRound(state, phase, began), Position(first, end)

    def sum_participants(self) -> Iterator[tuple[bytes, bytes]]:
        """Sum pk and ephemeral pk, in the order they came."""
        yield from self._db.execute("SELECT sum_pk, ephemeral_pk FROM sums ORDER BY number")

    def updates(self) -> Iterator[Update]:
        """All updates in order."""
        size = SEALED_SEED_SIZE
        rows = self._db.execute("SELECT update_pk, sealed_seeds FROM updates ORDER BY number")
        for update_pk, joined in rows:
            yield update_pk, [joined[i : i + size] for i in range(0, len(joined), size)]

    def votes(self) -> Iterator[tuple[bytes, bytes]]:
        """Sum pk and mask, in the order they came; equal masks are one object."""
        masks = dict(self._db.execute("SELECT number, mask FROM masks"))
        for sum_pk, mask in self._db.execute("SELECT sum_pk, mask FROM votes ORDER BY number"):
            yield sum_pk, masks[mask]

    def chunks(self) -> list[StoredChunk]:
        """The parts of unfinished messages, message by message, as they came."""
        rows = self._db.execute("SELECT * FROM chunks ORDER BY message, rowid")
        return [
            StoredChunk(message, sender, Tag(tag), Chunk(chunk_id, message_id, bool(last), data))
            for message, chunk_id, sender, tag, message_id, last, data in rows
        ]

    def model(self, model_id: str) -> Digests | None:
        """The digests of a model's files; None if there is no such model."""
        wanted = "SELECT bincode_sha256, npy_sha256 FROM models WHERE id = ?"
        return self._db.execute(wanted, (model_id,)).fetchone()

    def latest_model(self) -> str | None:
        """The id of the model last put."""
        row = self._db.execute("SELECT id FROM latest_model").fetchone()
        return row and row[0]
