"""The store in memory keeps the contract, and forgets old models."""

import pytest

from petal_server.storage import GlobalModel, MemoryStorage

from .storage_contract import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def store(self):
        return MemoryStorage()

    async def test_keeps_only_the_latest_models(self):
        store = MemoryStorage(keep_models=2)
        for number in range(3):
            await store.set_global_model(GlobalModel(str(number), b"", b""))
        assert await store.global_model("0") is None
        assert (await store.global_model("1")).id == "1"
        assert (await store.latest_global_model()).id == "2"
