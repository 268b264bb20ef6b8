"""Bad days: a coordinator that is away, answers nonsense, starts anew; training that fails."""

import random

import numpy as np
import pytest

from petal.crypto import SigningKeyPair
from petal.participant import (
    Delays,
    Delivered,
    Fetch,
    Fetched,
    GlobalModel,
    NewRound,
    Post,
    Posted,
    Receipt,
    Refused,
    State,
    Train,
    Trained,
    TrainingFailed,
    Unavailable,
    Unreachable,
    Wait,
    Warning,
    WeightsClamped,
)
from petal.participant.memory import Memory
from petal.round import Role
from petal.wire import Message, encode_dictionary, encode_model

from .world import Coordinator, Party, answer, machine, params_for, run_phase, weights_of


def pair(role, **options):
    """A party that has this role, and its coordinator."""
    world = Coordinator(length=options.pop("length", 5), config=options.pop("config", CONFIG))
    world.params = params_for(world, role)
    return Party(1, machine(1, **options)), world


CONFIG = "Prime/F32/B0/M3"


def step_until(party, world, kind):
    while not isinstance(party.request, kind):
        party.step(world)


def asks_for(party, resource):
    return isinstance(party.request, Fetch) and party.request.resource == resource


def notices(party, kind):
    return [notice for notice in party.notices if isinstance(notice, kind)]


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


def test_a_round_that_changes_while_training_gets_no_old_update():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    party.tell(Trained(weights_of(1, world.params)))
    step_until(party, world, Train)
    assert len(notices(party, NewRound)) == 2
    assert world.sealed == []


def test_a_round_that_changes_within_an_upload_ends_the_upload():
    party, world = pair(Role.UPDATE, length=20_000, max_message_size=4096)
    world.phase = "update"
    step_until(party, world, Post)
    party.step(world)
    old = party.request
    assert old.total > 20
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    for _ in range(40):
        if isinstance(party.request, Post):
            party.tell(Posted(200))
        elif isinstance(party.request, Train):
            break
        else:
            party.step(world)
    assert party.machine.state is State.TRAINING
    assert notices(party, Refused) == []


def test_a_coordinator_that_takes_only_small_messages_gets_small_ones():
    party, world = pair(Role.UPDATE, length=20_000)
    world.phase, world.largest = "update", 10_000
    step_until(party, world, Post)
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
    assert Delivered("update", "accepted") in party.notices
    assert len(world.updates) == 1


def test_a_coordinator_that_takes_not_even_the_smallest_refuses():
    party, world = pair(Role.UPDATE, length=20_000)
    world.phase, world.largest = "update", 100
    step_until(party, world, Post)
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
    (refused,) = notices(party, Refused)
    assert "4096 bytes is too large" in str(refused)


def test_a_coordinator_that_forgot_parts_gets_the_message_again():
    """It was restarted while the message came in, and kept the round but not the parts."""
    party, world = pair(Role.UPDATE, length=3000, max_message_size=4096)
    world.phase = "update"
    step_until(party, world, Post)
    party.step(world)
    party.step(world)
    world.assemblers.clear()
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
    assert "lost parts" in str(notices(party, Warning)[0])
    assert Delivered("update", "accepted") in party.notices
    ids = {Message.from_bytes(data).payload[2:4].tobytes() for data in world.opened}
    assert len(ids) == 2


def test_a_coordinator_that_always_forgets_is_given_up():
    party, world = pair(Role.UPDATE, length=3000, max_message_size=4096)
    world.phase = "update"
    step_until(party, world, Post)
    for _ in range(100):
        if party.machine.state is not State.SENDING_UPDATE:
            break
        party.step(world)
        world.assemblers.clear()
    assert "4 times in a row" in str(notices(party, Refused)[0])


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


def test_training_that_fails_costs_one_round_only():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(TrainingFailed("ValueError: no data"))
    assert "training failed: ValueError: no data; this round is sat out" in map(str, party.notices)
    assert party.machine.state is State.AWAITING_ROUND
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    step_until(party, world, Train)


BAD_WEIGHTS = {
    "a list": ([0.5] * 5, "a list; a numpy array of 5 float32 weights is needed"),
    "empty": (np.zeros(0, np.float32), "no weights; the round asks for 5"),
    "too long": (np.zeros(6, np.float32), r"shape (6,); the round asks for (5,)"),
    "a matrix": (np.zeros((5, 1), np.float32), "flatten the model"),
    "float64": (np.zeros(5), "weights.astype('float32')"),
    "int32": (np.zeros(5, np.int32), "int32 weights"),
    "strings": (np.array(["a"] * 5), "asks for float32"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights_that_are_no_model_of_the_round_are_named(name):
    weights, said = BAD_WEIGHTS[name]
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(weights))
    (warning,) = notices(party, Warning)
    assert said in str(warning)
    assert party.machine.state is State.AWAITING_ROUND


@pytest.mark.parametrize("scalar", [-1, float("nan"), float("inf"), "1", True, object()])
def test_scalars_that_are_none_are_named(scalar):
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(weights_of(1, world.params), scalar))
    assert "the scalar is" in str(notices(party, Warning)[0])


def test_the_user_learns_how_many_weights_were_cut_off():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(np.array([0.5, 2, -np.inf, np.nan, -0.25], np.float32)))
    (notice,) = notices(party, WeightsClamped)
    assert (notice.clamped, notice.nans, notice.total, notice.share) == (2, 1, 5, 0.6)
    assert "2 of 5 weights (40.0%) were cut off at 1 and 1 that are not a number" in str(notice)
    assert party.machine.state is State.AWAITING_SUMS


def test_a_scalar_beyond_the_bound_is_told():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(np.zeros(5, np.float32), 100))
    assert "the scalar was cut off as well" in str(notices(party, WeightsClamped)[0])


def test_a_model_of_another_length_is_left_aside_and_training_starts_from_nothing():
    party, world = pair(Role.UPDATE)
    world.model = np.zeros(9, np.float32)
    step_until(party, world, Train)
    assert party.request.model is None
    assert notices(party, GlobalModel)[0].weights is None
    assert "9 float32 weights and the round 5 float32" in str(notices(party, Warning)[0])


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


def test_a_payload_of_too_many_small_parts_goes_out_in_larger_ones():
    """A message has 65,536 parts at the most."""
    memory = Memory(SigningKeyPair.generate(), 1, 4096, None, State.SENDING_UPDATE)
    memory.params = params_for(Coordinator(), Role.UPDATE)
    memory.compose(bytes(65_536 * 4096), 7)
    assert 65_000 < len(memory.upload(bytes)) <= 65_536


def test_unknown_outcomes_of_a_message_are_no_receipt():
    assert Receipt.parse(b'{"outcome": "eaten", "reason": null}') is None
    assert Receipt.parse(b"") is None
    assert Receipt.parse(b"[1]") is None
    assert Receipt.parse(b'{"outcome": ["accepted"]}') is None
    assert Receipt.parse(b'{"outcome": "rejected", "reason": "replayed"}') == Receipt(
        "rejected", "replayed"
    )
