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
    """The searches of everything so far; ten milliseconds stand for a minute."""
    found = []
    monkeypatch.setattr(garbage, "OFTEN", 0.01)
    monkeypatch.setattr(garbage, "EACH", 0.1)
    monkeypatch.setattr(garbage.gc, "collect", lambda: found.append(1))
    return found


async def test_with_few_connections_everything_is_searched_again_and_again(searches):
    async with garbage.seldom_collected(Gate(LimitSettings())):
        await asyncio.sleep(0.1)
    assert len(searches) >= 3


async def test_with_many_it_waits(searches):
    gate = Gate(LimitSettings())
    gate.connections = 1000
    async with garbage.seldom_collected(gate):
        await asyncio.sleep(0.1)
        assert len(searches) == 1, "the one at the start"
        gate.closed = garbage.CLOSED
        await asyncio.sleep(0.1)
        assert len(searches) == 2


async def test_afterwards_python_collects_as_before():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    async with garbage.seldom_collected(Gate(LimitSettings())):
        assert gc.get_threshold()[2] == garbage.NEVER
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
