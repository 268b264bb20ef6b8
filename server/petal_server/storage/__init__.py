"""Where a coordinator keeps a round: the interface, and a store in memory."""

from petal_server.storage.base import (
    CoordinatorState,
    GlobalModel,
    Storage,
    StorageError,
    Stored,
)
from petal_server.storage.memory import MemoryStorage

__all__ = [
    "CoordinatorState",
    "GlobalModel",
    "MemoryStorage",
    "Storage",
    "StorageError",
    "Stored",
]
