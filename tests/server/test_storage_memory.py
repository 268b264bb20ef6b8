"""The store in memory keeps the contract."""

import pytest

from petal_server.storage import MemoryStorage

from .storage_contract import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def store(self):
        return MemoryStorage()

    @pytest.fixture
    def keeps_two(self):
        return MemoryStorage(keep_models=2)
