"""Garbage is searched for when it is due, and as before once the server is gone."""

import asyncio
import gc

import pytest

from petal_server import garbage
from petal_server.limits import Gate
from petal_server.settings import LimitSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
def searches(monkeypatch):
    """The searches so far, 2 for one of everything; ten milliseconds stand for a minute."""
    found = []
    monkeypatch.setattr(garbage, "NEW", 0.005)
    monkeypatch.setattr(garbage, "OFTEN", 0.01)
    monkeypatch.setattr(garbage, "EACH", 0.1)
    monkeypatch.setattr(garbage.gc, "collect", lambda generation=2: found.append(generation))
    return found


async def test_with_few_connections_everything_is_searched_again_and_again(searches):
    async with garbage.seldom_collected(Gate(LimitSettings())):
        await asyncio.sleep(0.1)
    assert searches.count(2) >= 3
    assert searches.count(1) > searches.count(2)


async def test_with_many_it_waits(searches):
    gate = Gate(LimitSettings())
    gate.connections = 1000
    async with garbage.seldom_collected(gate):
        await asyncio.sleep(0.1)
        assert searches.count(2) == 1, "the one at the start"
        assert searches.count(1) >= 3
        gate.closed = garbage.CLOSED
        await asyncio.sleep(0.1)
        assert searches.count(2) == 2


async def test_afterwards_python_collects_as_before():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    async with garbage.seldom_collected(Gate(LimitSettings())):
        assert gc.get_threshold()[2] == garbage.NEVER
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
