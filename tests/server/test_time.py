"""Clocks that jump: the date is set, or the machine slept. Rounds go by the time that passes."""

import asyncio

import pytest

from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName

from .clock import FakeClock
from .harness import ACCEPTED, running
from .members import updaters
from .test_multipart import PENDING, chunked

pytestmark = pytest.mark.anyio

YEAR = 366 * 86400.0


class Wandering(FakeClock):
    """The date goes where it likes."""

    date = 1e9

    def wall(self):
        return self.date


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
async def test_setting_the_date_changes_nothing_in_a_round_that_runs(jump):
    clock = Wandering()

    async def stays(phase):
        """Whatever the date is, a phase has ten seconds."""
        clock.date += jump
        clock.advance(9)
        await asyncio.sleep(0.02)
        assert coordinator.ctx.phase is phase
        clock.date -= jump / 2

    async with running(clock=clock) as coordinator:
        await stays(PhaseName.SUM)
        sums = await coordinator.to_update()
        await stays(PhaseName.UPDATE)
        for member in updaters(coordinator.params, 3):
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=1)
        await stays(PhaseName.SUM2)
        await coordinator.finish(sums)
        assert coordinator.ctx.last_failure is None


@pytest.mark.parametrize("slept", [3600.0, YEAR])
async def test_after_a_long_sleep_a_phase_that_has_enough_goes_on(slept):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        for member in updaters(coordinator.params, 3):
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=slept)
        await coordinator.finish(sums)


@pytest.mark.parametrize("slept", [3600.0, YEAR])
async def test_after_a_long_sleep_a_phase_that_lacks_messages_times_out(slept):
    """Its participants are gone, half a message of theirs is forgotten; the next round works."""
    async with running() as coordinator:
        await coordinator.to_update()
        (member,) = updaters(coordinator.params, 1)
        bodies = chunked(member, member.update_payload(coordinator.sums))
        assert await coordinator.post(bodies[0]) == PENDING
        await coordinator.reaches(PhaseName.FAILURE, after=slept)
        assert "update: timeout: 0 of 3 messages" in coordinator.ctx.last_failure
        assert coordinator.ctx.reassembly.messages == 0
        await coordinator.reaches(PhaseName.SUM, after=1)
        late = Receipt(Outcome.REJECTED, Reason.SEALED_BOX)
        assert await coordinator.post(bodies[1]) == late
        await coordinator.finish(await coordinator.to_sum2())
