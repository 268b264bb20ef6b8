"""Where a coordinator keeps a round: the interface, in memory or durable in a folder."""

from petal_server.storage.base import (
    CoordinatorState,
    GlobalModel,
    Storage,
    StorageError,
    Stored,
    StoredChunk,
    StoredRound,
)
from petal_server.storage.memory import MemoryStorage
from petal_server.storage.sqlite import SqliteStorage

__all__ = [
    "CoordinatorState",
    "GlobalModel",
    "MemoryStorage",
    "SqliteStorage",
    "Storage",
    "StorageError",
    "Stored",
    "StoredChunk",
    "StoredRound",
]
