"""The durable store keeps the contract, checkpoints and all."""

from contextlib import asynccontextmanager
from types import MappingProxyType

import pytest

from petal_server.storage import SqliteStorage

from .killed import copy_of
from .storage_durable_contract import DurableContract


class TestSqliteStorage(DurableContract):
    options = MappingProxyType({})

    @pytest.fixture
    def folders(self, tmp_path):
        """The folder in use, last."""
        return [tmp_path / "data"]

    @pytest.fixture
    def store(self, folders):
        with SqliteStorage(folders[0], **self.options) as store:
            yield store

    @pytest.fixture
    def keeps_two(self, tmp_path):
        with SqliteStorage(tmp_path / "two", keep_models=2) as store:
            yield store

    @pytest.fixture
    def after_a_kill(self, folders):
        @asynccontextmanager
        async def start():
            folders.append(copy_of(folders[-1]))
            with SqliteStorage(folders[-1], **self.options) as store:
                yield store
            folders.pop()

        return start


class TestSqliteStorageThatChecksPoints(TestSqliteStorage):
    """The running sum is written down after each update."""

    options = MappingProxyType({"checkpoint_updates": 1})


class TestSqliteStorageThatChecksFewPoints(TestSqliteStorage):
    """After every other update, by their size: four weights of six bytes."""

    options = MappingProxyType({"checkpoint_size": 48})
