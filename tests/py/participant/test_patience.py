"""Waiting for news by questions that the coordinator keeps open, and what may become of them."""

import pytest

from petal.errors import ParticipantError
from petal.participant import (
    Delays,
    Elapsed,
    Fetch,
    Fetched,
    Step,
    Train,
    TrainingDeferred,
    Unavailable,
    Unchanged,
    Unreachable,
    Wait,
)
from petal.participant.patience import LONGEST
from petal.participant.transitions import State
from petal.round import Role

from .world import Coordinator, Party, machine, params_for

OFFERED = 20.0
POLL = Delays(poll=0.5)


class Patient(Coordinator):
    """Keeps questions open, as Petal's coordinator does."""

    offered = OFFERED

    def fetched(self, request):
        found = super().fetched(request)
        tag = f'"{self.params.seed.hex()[:8]}-{len(found.body)}"'
        if request.known == tag:
            return Unchanged(request.resource)
        return Fetched(request.resource, found.status, found.body, tag, self.offered)


def joined(role, world=None):
    world = world or Patient()
    world.params = params_for(world, role)
    return Party(1, machine(1, delays=POLL)), world


def until_open(party, world, resource):
    """Step until a question for this is kept open; the pauses on the way."""
    pauses = []
    for _ in range(50):
        if isinstance(party.request, Fetch) and party.request.known:
            assert party.request.resource == resource
            return pauses
        if isinstance(party.request, Wait):
            pauses.append(party.request.seconds)
        party.step(world)
    raise AssertionError(f"no question for {resource} was kept open")


def test_who_has_nothing_to_do_keeps_a_question_for_the_next_round_open():
    party, world = joined(Role.NONE)
    assert until_open(party, world, "params") == [0.0]
    assert 0.75 * OFFERED <= party.request.wait <= OFFERED
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    party.step(world)
    assert party.machine.params == world.params


def test_a_question_that_brought_nothing_is_asked_again_after_a_pause():
    party, world = joined(Role.NONE)
    until_open(party, world, "params")
    waits = {party.request.wait}
    for _ in range(6):
        party.tell(Unchanged("params"))
        pauses = until_open(party, world, "params")
        assert len(pauses) == 1
        waits.add(party.request.wait)
    assert len(waits) == 7, "spread, so that those answered together do not come together again"
    assert not [n for n in party.notices if isinstance(n, Unavailable)]


@pytest.mark.parametrize(("role", "resource"), [(Role.UPDATE, "sums"), (Role.SUM, "seeds")])
def test_what_a_role_waits_for_is_waited_for_in_the_same_way(role, resource):
    party, world = joined(role)
    assert until_open(party, world, resource).count(0.0) >= 1
    world.next_phase()
    if role is Role.SUM:
        world.next_phase()
    state = party.machine.state
    party.step(world)
    assert party.machine.state is not state, "news are used at once, without a pause"


@pytest.mark.parametrize("offered", [61.0, 600.0])
def test_of_a_long_offer_no_more_is_taken_than_gets_through(offered):
    """Operators may set api.longest_wait to ten minutes; polling instead would ask far more."""
    world = Patient()
    world.offered = offered
    party, _ = joined(Role.NONE, world)
    until_open(party, world, "params")
    assert 0.75 * LONGEST <= party.request.wait <= LONGEST


@pytest.mark.parametrize("offered", [0.0, 1.0, -5.0, float("nan")])
def test_a_coordinator_that_offers_no_time_that_makes_sense_is_polled(offered):
    world = Patient()
    world.offered = offered
    party, _ = joined(Role.NONE, world)
    for _ in range(40):
        assert not isinstance(party.request, Fetch) or party.request.known is None
        assert not isinstance(party.request, Wait) or party.request.seconds > 0
        party.step(world)


def test_a_question_that_is_cut_off_is_no_outage_and_the_next_is_shorter():
    party, world = joined(Role.NONE)
    until_open(party, world, "params")
    party.tell(Unreachable("the proxy has no patience"))
    assert isinstance(party.request, Wait)
    until_open(party, world, "params")
    assert party.request.wait <= OFFERED / 2
    party.tell(Fetched("params", 504))
    until_open(party, world, "params")
    assert party.request.wait <= OFFERED / 4
    assert not [n for n in party.notices if isinstance(n, Unavailable)]
    for _ in range(8):
        party.tell(Unchanged("params"))
        until_open(party, world, "params")
    assert party.request.wait >= 0.75 * OFFERED


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_turned_away_stays_away_for_longer_and_longer(status):
    party, world = joined(Role.NONE)
    until_open(party, world, "params")
    party.tell(Fetched("params", status))
    (notice,) = [n for n in party.notices if isinstance(n, Unavailable)]
    assert party.request == Wait(notice.delay)


def test_after_a_cut_the_next_look_shows_whether_the_coordinator_is_there():
    party, world = joined(Role.NONE)
    until_open(party, world, "params")
    party.tell(Unreachable("connection reset"))
    party.tell(Elapsed())
    assert (party.request.resource, party.request.known) == ("params", None)
    party.tell(Unreachable("connection refused"))
    (notice,) = [n for n in party.notices if isinstance(n, Unavailable)]
    assert notice.reason == "connection refused"


def test_a_coordinator_that_lets_go_at_once_is_not_asked_without_end():
    """However it answers: no more than a few looks between two pauses."""
    party, world = joined(Role.SUM)
    looks = 0
    for _ in range(200):
        pause = isinstance(party.request, Wait) and party.request.seconds > 0
        looks = 0 if pause else looks + isinstance(party.request, Fetch)
        assert looks <= 6
        party.step(world)


def test_parameters_that_make_no_sense_are_not_taken_for_known():
    party, world = joined(Role.NONE)
    until_open(party, world, "params")
    party.tell(Fetched("params", 200, b"<html>", '"bad"', OFFERED))
    party.step(world)
    assert isinstance(party.request, Fetch)
    assert party.request.known is None


def test_training_that_is_not_ready_is_asked_for_as_before():
    party, world = joined(Role.UPDATE)
    while not isinstance(party.request, Train):
        party.step(world)
    party.tell(TrainingDeferred())
    assert party.request.seconds > 0


def test_nothing_is_unchanged_that_was_not_named():
    party, world = joined(Role.NONE)
    with pytest.raises(ParticipantError):
        party.tell(Unchanged("params"))
    until_open(party, world, "params")
    party.restart()
    with pytest.raises(ParticipantError):
        party.tell(Unchanged("params"))
    party.step(world)
    assert party.machine.state is State.AWAITING_ROUND
    assert party.machine.step is Step.WAITING
