"""Participants that a coordinator turns away wait, come again, and lose nothing."""

import asyncio
import io

import numpy as np
import pytest

from petal.client import participate_async
from petal.participant import Unavailable
from petal_server.clock import SystemClock
from petal_server.limits import Refusal

from .harness import small_settings
from .over_sockets import SECONDS, served

pytestmark = pytest.mark.anyio

LENGTH = 20_000


async def rounds(limits, refusal):
    """Rounds of ten participants under ``limits``, until somebody was refused and there is a
    global model: that model, and what the participants noticed."""
    time = {"min": 1, "max": 20}
    pet = {
        "sum": {"prob": 0.2, "time": time},
        "update": {"prob": 1.0, "time": time},
        "sum2": {"time": time},
    }
    settings = small_settings(pet=pet, limits=limits, model={"length": LENGTH})
    troubles = []

    def observe(notice):
        if isinstance(notice, Unavailable):
            troubles.append(str(notice))

    def train(model, params):
        return np.full(params.model_length, 0.25, np.float32)

    async with served(settings, clock=SystemClock()) as coordinator:
        refused, ctx = coordinator.app.state.gate.refused, coordinator.ctx
        taking_part = [
            asyncio.create_task(participate_async(coordinator.url, train, observer=observe))
            for _ in range(10)
        ]
        async with asyncio.timeout(3 * SECONDS):
            while not (refused[refusal] and troubles and ctx.board.model_npy):  # noqa: ASYNC110, no event tells
                await asyncio.sleep(0.1)
        for each in taking_part:
            each.cancel()
        return np.load(io.BytesIO(ctx.board.model_npy.body)), troubles


async def test_an_address_that_asks_too_often():
    model, troubles = await rounds({"requests_per_address": 6}, Refusal.REQUEST_RATE)
    assert any("status 429" in trouble for trouble in troubles)
    assert np.allclose(model, 0.25)


async def test_no_room_for_bodies():
    # One update has 120 kB: two at a time do not fit.
    room = {"body_memory": 150_000, "body_memory_per_address": 150_000}
    model, troubles = await rounds(room, Refusal.BODY_MEMORY)
    assert any("status 503" in trouble for trouble in troubles)
    assert np.allclose(model, 0.25)
