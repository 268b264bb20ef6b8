"""Saved anywhere and restored, a participant goes on as if nothing had happened."""

import hashlib
import json
import random
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal.crypto import SigningKeyPair
from petal.errors import SnapshotError
from petal.participant import Machine, State, Trained, snapshot
from petal.wire import Message

from .world import Coordinator, Party, answer, run_phase, weights_of

PARTIES, LENGTH = 5, 900
STEPS = 45  # more than any participant takes in a round


def machine_of(number):
    source = random.Random(f"snapshot/{number}")
    made = Machine(
        SigningKeyPair.generate(source.randbytes),
        random=source.randbytes,
        max_message_size=4096,
        scalar=Fraction(1, number + 1),
    )
    return made, source


def play(change, at):
    """A round in which `change` is done to every party's machine after its step `at`."""
    world, states = Coordinator(length=LENGTH), []
    crowd = []
    for number in range(PARTIES):
        made, source = machine_of(number)
        party = Party(number, made)
        party.source, party.steps = source, 0
        crowd.append(party)

    def step(party):
        if party.steps == at:
            states.append(party.machine.state)
            change(party)
        party.steps += 1
        party.step(world)

    for _ in range(3):
        for party in crowd:
            step(party)
            while not party.idle:
                step(party)
        world.next_phase()
    return world, states


def only_resume(party):
    party.restart()


def save_and_restore(party):
    saved = party.machine.save()
    party.machine = Machine.restore(saved, random=party.source.randbytes)
    assert party.machine.save() == saved
    party.restart()


@cache
def interrupted(at):
    return play(save_and_restore, at)


@pytest.mark.parametrize("at", range(STEPS))
def test_a_restored_machine_sends_the_same_bytes(at):
    """Beside a twin that asks again for what was outstanding, as a restored one has to."""
    expected, states = play(only_resume, at)
    got, same_states = interrupted(at)
    assert got.sealed == expected.sealed
    assert got.exact == expected.exact
    assert states == same_states


def test_all_states_of_a_round_are_saved_and_restored_above():
    saved = {state for at in range(STEPS) for state in interrupted(at)[1]}
    assert saved == set(State) - {State.FINISHED}


def test_the_round_is_the_one_that_was_never_interrupted():
    undisturbed, _ = play(lambda party: None, -1)
    for at in range(0, STEPS, 4):
        assert interrupted(at)[0].exact == undisturbed.exact


def test_an_upload_goes_on_in_its_middle():
    world = Coordinator(length=LENGTH, probs=(-1, 1))
    made, source = machine_of(0)
    party = Party(0, made)
    run_phase([party], world)
    world.next_phase()
    while party.machine.state is not State.SENDING_UPDATE or world.opened == []:
        party.step(world)
    before = len(world.opened)
    moved = Party(0, Machine.restore(party.machine.save(), random=source.randbytes))
    while moved.machine.state is State.SENDING_UPDATE:
        moved.step(world)
    parts = [Message.from_bytes(data).payload[:2].tobytes() for data in world.opened]
    assert before == 1
    assert parts == [bytes((0, i)) for i in range(len(parts))]
    assert len(world.updates) == 1


def in_the_middle_of_an_upload():
    """A snapshot from before the first part, and the party when two more have left."""
    world = Coordinator(length=3000, probs=(-1, 1))
    party = Party(0, machine_of(0)[0])
    run_phase([party], world)
    world.next_phase()
    while party.machine.state is not State.SENDING_UPDATE:
        party.step(world)
    saved = party.machine.save()
    while len(world.opened) < 2:
        party.step(world)
    return saved, party.machine


def test_the_progress_of_an_upload_is_kept_apart_from_what_is_sent():
    saved, machine = in_the_middle_of_an_upload()
    progress = machine.save_progress()
    assert len(progress) < 250 < len(saved)
    assert b'"part": 2' in progress
    restored = Machine.restore(saved, random=random.randbytes, progress=progress)
    assert restored.save() == machine.save()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"part": 2', b'"part": 2000'),
        (b'"part": 2', b'"part": -2'),
        (b'"part": 2', b'"part": "2"'),
        (b'"part"', b'"parts"'),
        (b"sending_update", b"sending_sum2"),
        (b"{", b""),
    ],
)
def test_progress_of_another_upload_is_refused(old, new):
    saved, machine = in_the_middle_of_an_upload()
    progress = machine.save_progress()
    assert old in progress
    with pytest.raises(SnapshotError):
        Machine.restore(saved, random=random.randbytes, progress=progress.replace(old, new, 1))


def test_a_participant_that_is_done_stays_done():
    world = Coordinator()
    made, source = machine_of(0)
    made.extend(1)
    party = Party(0, made)
    run_phase([party], world)
    world.new_round()
    run_phase([party], world)
    assert party.done
    again = Machine.restore(made.save(), random=source.randbytes)
    assert Party(0, again).done


@pytest.mark.parametrize("scalar", [3, 0.1, Fraction(1, 3), 1e-300, 0])
def test_scalars_are_kept_exactly(scalar):
    made = Machine(SigningKeyPair.generate(), random=random.randbytes, scalar=scalar)
    memory = snapshot.decode(made.save())
    assert memory.scalar == scalar
    assert type(memory.scalar) is type(scalar)


def in_training():
    """A snapshot with keys, round, signatures and a model in it."""
    world = Coordinator(probs=(-1, 1))
    world.model = np.arange(5, dtype=np.float32)
    party = Party(0, machine_of(0)[0])
    while party.machine.state is not State.TRAINING:
        party.step(world)
    return party, world


SAVED = in_training()[0].machine.save()


@given(st.integers(0, 8 * len(SAVED) - 1))
def test_one_damaged_bit_is_noticed(bit):
    damaged = bytearray(SAVED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SnapshotError):
        Machine.restore(bytes(damaged), random=random.randbytes)


@given(st.integers(0, len(SAVED) - 1))
def test_a_torn_snapshot_is_noticed(length):
    with pytest.raises(SnapshotError):
        Machine.restore(SAVED[:length], random=random.randbytes)


@pytest.mark.parametrize("foreign", [b"", b"PK\x03\x04", b"PETAL", bytes(500), b"{}"])
def test_foreign_bytes_are_named_as_such(foreign):
    with pytest.raises(SnapshotError, match="not a saved Petal participant"):
        Machine.restore(foreign, random=random.randbytes)


def test_a_newer_snapshot_says_what_to_do():
    newer = SAVED[:8] + (3).to_bytes(2, "big") + SAVED[10:]
    with pytest.raises(SnapshotError, match=r"version 3 .* update Petal"):
        Machine.restore(newer, random=random.randbytes)


def forged(saved, change, blobs=lambda blobs: blobs):
    """A snapshot whose JSON was changed by somebody who knows how to make the checksum."""
    end = 14 + int.from_bytes(saved[10:14], "big")
    text = json.loads(saved[14:end])
    change(text)
    header = json.dumps(text, sort_keys=True, separators=(",", ":")).encode()
    body = saved[:10] + len(header).to_bytes(4, "big") + header + blobs(saved[end:-32])
    return body + hashlib.sha256(body).digest()


FORGERIES = {
    "state without its data": lambda text: text.update(state="masking"),
    "no such state": lambda text: text.update(state="dancing"),
    "sending nothing": lambda text: text.update(state="sending_update"),
    "negative count": lambda text: text.update(ended=-1),
    "count that is a bool": lambda text: text.update(part=True),
    "scalar that is none": lambda text: text.update(scalar="one"),
    "scalar over zero": lambda text: text.update(scalar="1/0"),
    "no keys": lambda text: text["blobs"].pop(0),
    "blob that overlaps": lambda text: text["blobs"][0].__setitem__(1, 31),
    "blob of no name": lambda text: text["blobs"][1].__setitem__(0, "other"),
    "missing field": lambda text: text.pop("retried"),
    "further field": lambda text: text.update(more=1),
    "no object": lambda text: text.update(blobs=7),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_snapshot_is_refused(name):
    forgery = forged(SAVED, FORGERIES[name])
    with pytest.raises(SnapshotError, match=r"inconsistent|same bytes"):
        Machine.restore(forgery, random=random.randbytes)


def test_the_forging_itself_is_sound():
    """Without a change the forged snapshot is the snapshot, so the test above tests the change."""
    assert forged(SAVED, lambda text: None) == SAVED


def test_restored_weights_are_masked_as_the_saved_ones():
    """Saved in a tab between training and masking: the model itself is in the snapshot."""
    party, world = in_training()
    party.tell(Trained(weights_of(3, world.params)))
    moved = Machine.restore(party.machine.save(), random=random.randbytes)
    assert moved.state is State.AWAITING_SUMS
    memory = snapshot.decode(moved.save())
    np.testing.assert_array_equal(memory.weights, weights_of(3, world.params))
    assert memory.model is None


def test_nothing_shows_a_secret():
    party, world = in_training()
    made = party.machine
    secret = made._ctx.memory.keys.seed
    shown = repr(made) + repr(made._ctx.memory) + repr(made._ctx) + repr(party.request)
    party.tell(Trained(weights_of(0, world.params)))
    world.next_phase()
    while party.machine.state is not State.MASKING:
        party.step(world)
    seed = made._ctx.memory.mask_seed
    shown += repr(party.request) + repr(party.notices) + repr(made)
    shown += repr(answer(party.request, world, None))
    for hidden in (secret, seed):
        assert repr(hidden)[2:-1] not in shown
        assert hidden.hex() not in shown
