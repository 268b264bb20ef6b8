"""The durable store keeps the contract."""

import pytest

from petal_server.storage import SqliteStorage

from .storage_contract import StorageContract


class TestSqliteStorage(StorageContract):
    @pytest.fixture
    def store(self, tmp_path):
        with SqliteStorage(tmp_path / "data") as store:
            yield store

    @pytest.fixture
    def keeps_two(self, tmp_path):
        with SqliteStorage(tmp_path / "two", keep_models=2) as store:
            yield store
