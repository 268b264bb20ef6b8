"""Bad days: a coordinator that is away, answers nonsense or refuses."""

import random

import numpy as np
import pytest

from petal.participant import (
    Delays,
    Elapsed,
    Fetch,
    Fetched,
    Post,
    Posted,
    Receipt,
    Refused,
    State,
    Train,
    Unavailable,
    Unreachable,
    Wait,
    Warning,
)
from petal.round import Role
from petal.wire import encode_dictionary, encode_model

from .pair import asks_for, notices, pair, step_until
from .world import Coordinator, Party, answer, machine, params_for, run_phase, weights_of

FAULTS = [
    lambda request, _: Unreachable("connection reset"),
    lambda request, _: Posted(503) if isinstance(request, Post) else Fetched(request.resource, 500),
    lambda request, _: (
        Unreachable("timed out")
        if isinstance(request, Post)
        else Fetched(request.resource, 200, b"<html>")
    ),
]


def lost_answer(request, world):
    """The coordinator took it, but its answer never arrived."""
    answer(request, world, None)
    return Unreachable("connection reset while waiting for the answer")


@pytest.mark.parametrize("seed", range(20))
def test_a_round_survives_any_faults_of_the_network(seed):
    """Each request fails with probability 1/3, one way or another; the mean stays right."""
    chance, world = random.Random(seed), Coordinator(length=900, seed=seed)
    crowd = [Party(n, machine(n, seed=seed, max_message_size=4096)) for n in range(10)]

    def flaky(party):
        if isinstance(party.request, Fetch | Post) and chance.random() < 1 / 3:
            party.tell(chance.choice([*FAULTS, lost_answer])(party.request, world))
        else:
            party.step(world)

    for _ in range(3):
        for party in crowd:
            for _ in range(400):
                flaky(party)
        world.next_phase()
    updated = [p for p in crowd if p.machine.role is Role.UPDATE]
    means = np.mean([weights_of(p.number, world.params) for p in updated], axis=0)
    np.testing.assert_allclose(world.model, means, atol=1e-7)
    assert not [n for p in crowd for n in notices(p, Refused)]


def test_another_web_server_at_the_address_is_told_from_a_coordinator_in_trouble():
    party, _ = pair(Role.UPDATE)
    for status in (404, 301, 500):
        party.tell(Fetched("params", status))
        party.tell(Elapsed())
    *elsewhere, down = [notice.reason for notice in notices(party, Unavailable)]
    assert all(reason.endswith("Is this the coordinator's address?") for reason in elsewhere)
    assert down == "the coordinator answered GET /params with status 500"


def test_delays_grow_up_to_their_cap_and_start_anew_after_a_success():
    party, world = pair(Role.UPDATE, delays=Delays(poll=0.2, first=1, factor=2, cap=10))
    waits = []
    for _ in range(8):
        party.tell(Unreachable("down"))
        waits.append(party.request.seconds)
        party.step(world)
    full = [1, 2, 4, 8, 10, 10, 10, 10]
    for wait, most in zip(waits, full, strict=True):
        assert most / 2 <= wait <= most
    assert len(set(waits)) == len(waits)
    assert [n.attempt for n in notices(party, Unavailable)] == list(range(1, 9))
    step_until(party, world, Train)
    party.step(world)
    step_until(party, world, Wait)  # polls for the sum dictionary
    assert party.request.seconds <= 0.25


def test_looking_at_the_parameters_is_no_success_of_the_work():
    """/params answers, /sums does not: the delays grow all the same."""
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    for _ in range(60):
        if (
            party.request == Fetch("sums", party.request.limit)
            if isinstance(party.request, Fetch)
            else False
        ):
            party.tell(Fetched("sums", 500))
        else:
            party.step(world)
    attempts = [n.attempt for n in notices(party, Unavailable)]
    assert attempts == list(range(1, len(attempts) + 1))
    assert len(attempts) > 5


def test_a_refused_sum_participant_does_not_wait_for_seeds():
    party, world = pair(Role.SUM)
    world.phase = "update"
    run_phase([party], world)
    assert notices(party, Refused) == [Refused("sum", "rejected", "wrong phase")]
    assert party.machine.state is State.AWAITING_ROUND
    assert party.machine.role is Role.NONE


def test_a_sum_message_taken_before_its_answer_was_lost_counts():
    party, world = pair(Role.SUM)
    step_until(party, world, Post)
    party.tell(lost_answer(party.request, world))
    run_phase([party], world)
    run_phase([party], world)
    assert notices(party, Refused) == []
    assert "most likely it was taken the first time" in str(notices(party, Warning)[0])
    assert party.machine.state is State.AWAITING_SEEDS


def test_a_broken_model_is_asked_for_again():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Fetch)
    party.step(world)
    party.tell(Fetched("model", 200, encode_model([])[:-1]))
    assert "makes no sense" in str(notices(party, Unavailable)[0])
    step_until(party, world, Train)


@pytest.mark.parametrize("body", [b"", b"x" * 136, bytes(136), b"x" * 135, b"x" * 4000])
def test_broken_round_parameters_are_asked_for_again(body):
    party, world = pair(Role.UPDATE)
    party.tell(Fetched("params", 200, body))
    assert "makes no sense" in str(notices(party, Unavailable)[0])
    step_until(party, world, Train)


def test_an_ephemeral_key_that_is_none_costs_one_round_only():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.step(world)
    while not asks_for(party, "sums"):
        party.step(world)
    party.tell(Fetched("sums", 200, encode_dictionary({b"s" * 32: bytes(32)})))
    party.step(world)
    assert "a sum participant's key cannot be used" in str(notices(party, Warning)[0])
    assert party.machine.state is State.AWAITING_ROUND


def test_an_enormous_model_is_not_allocated():
    party, world = pair(Role.UPDATE)
    world.params = params_for(world, Role.UPDATE)
    object.__setattr__(world.params, "model_length", 2**32 - 1)
    party.step(world)
    assert "is too large" in str(notices(party, Unavailable)[0])


def test_unknown_outcomes_of_a_message_are_no_receipt():
    assert Receipt.parse(b'{"outcome": "eaten", "reason": null}') is None
    assert Receipt.parse(b"") is None
    assert Receipt.parse(b"[1]") is None
    assert Receipt.parse(b'{"outcome": ["accepted"]}') is None
    assert Receipt.parse(b'{"outcome": "rejected", "reason": "replayed"}') == Receipt(
        "rejected", "replayed"
    )
