"""A participant with differential privacy that is restarted sends and pays nothing twice."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petal.crypto import SigningKeyPair
from petal.errors import SealedBoxError
from petal.participant import Machine, MaskModel, Post, Posted, Receipt, State, carry_out
from petal.privacy import LocalPrivacy

from .private_party import PRIVACY, until, updating
from .world import Coordinator, Party

STEPS = 14


def play(change, at):
    """Two rounds of one update participant, saved and restored before its step `at`."""
    world = Coordinator(length=300, config="Prime/F32/B2/M3", probs=(-1, 1))
    source = random.Random(0)
    made = Machine(
        SigningKeyPair.generate(source.randbytes),
        random=source.randbytes,
        privacy=PRIVACY,
        max_message_size=4096,
    )
    party, states, steps = Party(1, made), [], 0
    for _ in range(2):
        for _ in ("sum", "update"):
            party.step(world)
            while not party.idle:
                if steps == at:
                    states.append(party.machine.state)
                    change(party, source)
                steps += 1
                party.step(world)
            world.next_phase()
        world.new_round()
    return world, states, party.machine.privacy


def save_and_restore(party, source):
    saved = party.machine.save()
    party.machine = Machine.restore(saved, random=source.randbytes)
    assert party.machine.save() == saved
    party.restart()


def only_resume(party, source):
    party.restart()


@pytest.mark.parametrize("at", range(STEPS))
def test_a_restart_noises_and_charges_nothing_twice(at):
    expected, states, account = play(only_resume, at)
    got, same_states, same_account = play(save_and_restore, at)
    assert got.sealed == expected.sealed
    assert states == same_states != []
    assert account == same_account
    assert account.updates == 2


def test_those_restarts_met_every_state_of_an_update():
    met = {state for at in range(STEPS) for state in play(save_and_restore, at)[1]}
    wanted = {State.TRAINING, State.AWAITING_SUMS, State.MASKING, State.SENDING_UPDATE}
    assert wanted <= met


def test_masked_again_after_a_reload_it_is_the_same_update():
    party, world = updating()
    first = carry_out(until(party, world, MaskModel))
    saved = party.machine.save()
    again = Party(1, Machine.restore(saved, random=random.Random(9).randbytes))
    assert carry_out(until(again, world, MaskModel)).masked_model == first.masked_model


# What may happen at a step: it goes on, crashes and comes back from what was saved last, or the
# coordinator begins a new round or moves to the next phase.
FATES = st.lists(st.sampled_from(["on"] * 8 + ["crash", "reset", "phase"]), max_size=150)


@settings(deadline=None)
@given(FATES)
def test_whatever_happens_each_update_that_left_is_one_and_is_paid(fates):
    world = Coordinator(length=300, config="Prime/F32/B2/M3", probs=(-1, 1))
    source = random.Random(0)
    made = Machine(
        SigningKeyPair.generate(source.randbytes),
        random=source.randbytes,
        privacy=LocalPrivacy.for_updates(2, clip=0.01, epsilon=8),
        max_message_size=4096,
    )
    party, saved, left = Party(1, made), made.save(), {}
    for fate in fates:
        if fate == "crash":
            party = Party(1, Machine.restore(saved, random=source.randbytes))
        elif fate == "reset":
            world.new_round()
        elif fate == "phase" and world.phase == "sum":
            world.next_phase()
        if isinstance(party.request, Post):  # as both drivers do, before anything leaves
            saved = party.machine.save()
            memory = party.machine._ctx.memory
            left.setdefault(memory.params.seed, set()).add(memory.payload)
        try:
            party.step(world)
        except SealedBoxError:
            party.tell(Posted(200, Receipt("rejected", "it is another round's")))
    assert all(len(payloads) == 1 for payloads in left.values())
    account = Machine.restore(saved, random=source.randbytes).privacy
    assert len(left) <= account.updates <= 2
    assert account.spent <= 8
