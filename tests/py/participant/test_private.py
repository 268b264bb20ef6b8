"""Rounds with differential privacy: what leaves, what is charged, and what a restart remembers."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petal.crypto import SigningKeyPair
from petal.errors import PrivacyError, SealedBoxError, SnapshotError
from petal.mask import Aggregation
from petal.participant import (
    Machine,
    MaskModel,
    Post,
    Posted,
    PrivacyBudget,
    Receipt,
    RoleChosen,
    State,
    SumMasks,
    Trained,
    UpdateClipped,
    Warning,
    WeightsClamped,
    carry_out,
    snapshot,
)
from petal.privacy import LocalPrivacy, epsilon_of, lattice_for
from petal.privacy.update import update_steps
from petal.round import Role
from petal.wire import Message, Tag

from .test_snapshot import forged
from .world import Coordinator, Party, answer, machine, run_phase, run_round

PRIVACY = LocalPrivacy.for_updates(3, clip=0.01, epsilon=8)


def private(number=1, **options):
    options.setdefault("privacy", PRIVACY)
    return machine(number, **options)


def updating(length=300, config="Prime/F32/B2/M3", **options):
    """A party that updates in the coordinator's round, and its coordinator."""
    world = Coordinator(length=length, config=config, probs=(-1, 1))
    party = Party(1, private(**options))
    return party, world


def until(party, world, kind):
    while not isinstance(party.request, kind):
        party.step(world)
        if party.idle:
            world.next_phase() if world.phase == "sum" else world.new_round()
    return party.request


def budgets(party):
    return [notice for notice in party.notices if isinstance(notice, PrivacyBudget)]


def exact_model(request, length=300):
    """What the coordinator and a colluding sum participant would see: the model, mask off."""
    mask = carry_out(SumMasks((request.seed,), length, request.config)).mask
    total = Aggregation(request.config, length)
    total.add(carry_out(request).masked_model)
    return total.unmask(mask)


def test_what_leaves_is_clipped_and_noised():
    party, world = updating()
    world.model = np.linspace(-1, 1, 300).astype("f4")
    trained = world.model + 1
    party.train = lambda request: Trained(trained)
    request = until(party, world, MaskModel)
    sent = exact_model(request)
    # The update was 1 everywhere; 0.01 in norm is left of it, under noise.
    sigma = PRIVACY.clip * PRIVACY.noise_multiplier
    noise = sent - world.model
    assert 0.85 < noise.std() / sigma < 1.15
    assert np.abs(noise).max() < 6 * sigma
    lattice = lattice_for(world.config.vect, 1, PRIVACY.clip, PRIVACY.noise_multiplier)
    steps = update_steps(trained, world.model, PRIVACY.clip, lattice)
    np.testing.assert_allclose(steps / lattice.scale, 0.01 / 300**0.5, rtol=1e-3)


def test_the_norm_is_told_where_it_is_cut_and_numbers_that_are_none_are_too():
    party, world = updating()
    world.model = np.zeros(300, "f4")
    trained = np.full(300, 0.25, "f4")
    trained[7] = np.nan
    party.train = lambda request: Trained(trained)
    until(party, world, MaskModel)
    [told] = [each for each in party.notices if isinstance(each, UpdateClipped)]
    assert told.norm == pytest.approx(0.25 * 299**0.5)
    assert str(told) == "the update's norm of 4.32 is cut to 0.01"
    [clamped] = [each for each in party.notices if isinstance(each, WeightsClamped)]
    assert clamped.nans == 1
    short, world = updating()
    short.train = lambda request: Trained(np.full(300, 1e-5, "f4"))
    until(short, world, MaskModel)
    assert not [e for e in short.notices if isinstance(e, UpdateClipped | WeightsClamped)]


def test_without_a_global_model_the_weights_themselves_are_clipped():
    party, world = updating()
    party.train = lambda request: Trained(np.full(300, 50, "f4"))
    sent = exact_model(until(party, world, MaskModel))
    assert np.abs(sent).max() < 1


def test_a_whole_round_with_sum_participants():
    world = Coordinator(length=40, config="Prime/F32/B2/M3")
    parties = [Party(number, private(number)) for number in range(8)]
    run_round(parties, world)
    roles = [party.machine.privacy.updates for party in parties]
    assert sorted(set(roles)) == [0, 1]
    assert world.model is not None
    run_phase(parties, world)
    assert world.rounds == 2


def test_rounds_add_up_until_the_budget_is_spent_and_then_no_update_leaves():
    party, world = updating()
    seen = []
    for _ in range(5):
        run_phase([party], world)
        world.next_phase()
        run_phase([party], world)
        seen.append((party.machine.privacy.updates, party.machine.role))
        world.new_round()
    assert seen == [*((n, Role.UPDATE) for n in (1, 2, 3)), (3, Role.NONE), (3, Role.NONE)]
    costs = [notice.spent for notice in budgets(party)]
    assert costs == [0, *(epsilon_of(n * PRIVACY.rho, 1e-6) for n in (1, 2, 3, 3, 3))]
    assert costs[-1] <= 8
    assert str(budgets(party)[-1]) == (
        "privacy budget spent: epsilon 8 of 8 at delta 1e-06, by 3 updates; "
        "no further update is sent, only sums of masks"
    )
    opened = [Message.from_bytes(data) for data in world.opened]
    assert [message.tag for message in opened] == [Tag.UPDATE] * 3


def test_a_spent_participant_still_sums():
    world = Coordinator(length=20, probs=(2, 0))
    party = Party(1, spent())
    run_phase([party], world)
    assert party.machine.role is Role.SUM
    assert len(world.sums) == 1


def spent():
    made = private()
    made._ctx.memory.privacy = replace(made.privacy, rho=PRIVACY.rho * 3, updates=3)
    return made


def test_a_spent_participant_does_not_train():
    party, world = updating()
    party = Party(1, spent())
    party.train = lambda request: pytest.fail("trained for nothing")
    run_phase([party], world)
    assert party.machine.state is State.AWAITING_ROUND
    assert RoleChosen(Role.NONE) in party.notices
    assert budgets(party)[-1].left == 0


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


def test_the_charge_is_in_what_is_saved_before_anything_leaves():
    party, world = updating()
    request = until(party, world, MaskModel)
    assert party.machine.privacy.updates == 0
    party.tell(carry_out(request))
    assert party.machine.state is State.SENDING_UPDATE
    assert world.opened == []
    assert snapshot.decode(party.machine.save()).privacy.updates == 1


def test_a_round_that_began_anew_is_trained_noised_and_charged_anew():
    """A coordinator that resets gets nothing for free: other noise, and its cost."""
    party, world = updating()
    party.train = lambda request: Trained(np.zeros(300, "f4"))
    first = until(party, world, MaskModel)
    party.tell(carry_out(first))
    world.new_round()
    second = until(party, world, MaskModel)
    party.tell(carry_out(second))
    assert first.noise.seed != second.noise.seed
    assert (exact_model(first) != exact_model(second)).mean() > 0.9
    assert party.machine.privacy.updates == 2


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


def test_sent_again_in_smaller_parts_it_is_the_same_update_at_one_charge():
    party, world = updating(max_message_size=1 << 20, length=3000)
    party.tell(carry_out(until(party, world, MaskModel)))
    memory = party.machine._ctx.memory
    payload, world.largest = memory.payload, 8192
    while party.machine.state is State.SENDING_UPDATE:
        party.step(world)
        if memory.payload is not None:
            assert memory.payload == payload
    assert len(world.updates) == 1
    assert party.machine.privacy.updates == 1


def test_nothing_is_charged_for_what_is_not_sent():
    party, world = updating()
    until(party, world, MaskModel)
    party.restart()
    world.new_round()
    run_phase([party], world)
    assert party.machine.privacy.updates == 0


def test_the_scalar_is_the_participants_own():
    party, world = updating(scalar=2)
    party.train = lambda request: Trained(np.zeros(300, "f4"), 17)
    assert until(party, world, MaskModel).scalar == 2
    said = [str(notice) for notice in party.notices if isinstance(notice, Warning)]
    assert len(said) == 1
    assert "own scalar, 2; the one that training gives is left aside" in said[0]


def test_a_round_whose_numbers_cannot_carry_the_noise_is_sat_out():
    asked = LocalPrivacy(clip=10, noise_multiplier=2, epsilon=8)
    party, world = updating(config="Prime/F32/B0/M3", privacy=asked)
    run_phase([party], world)
    assert party.machine.role is Role.NONE
    said = [str(notice) for notice in party.notices if isinstance(notice, Warning)]
    assert "beyond the bound 1" in said[0]
    assert "No update is sent in this round" in said[0]


def test_other_settings_go_on_from_what_was_spent():
    party, world = updating()
    party.tell(carry_out(until(party, world, MaskModel)))
    saved = party.machine.save()
    noisier = LocalPrivacy.for_updates(10, clip=1, epsilon=8)
    account = Machine.restore(saved, random=random.randbytes, privacy=noisier).privacy
    assert (account.settings, account.updates) == (noisier, 1)
    assert account.rho == PRIVACY.rho
    assert account.left == 6  # a third is spent
    kept = Machine.restore(saved, random=random.randbytes).privacy
    assert kept.settings == PRIVACY


def test_an_update_under_way_is_not_sent_beyond_a_smaller_budget():
    party, world = updating()
    party.tell(carry_out(until(party, world, MaskModel)))
    until(party, world, MaskModel)
    smaller = LocalPrivacy.for_updates(1, clip=1, epsilon=3)
    saved = party.machine.save()
    again = Party(1, Machine.restore(saved, random=random.randbytes, privacy=smaller))
    sent = len(world.opened)
    again.tell(answer(until(again, world, MaskModel), world, None))
    assert again.machine.state is State.AWAITING_ROUND
    assert "does not pay for another update" in str(again.notices[-2])
    assert len(world.opened) == sent


def test_privacy_cannot_begin_after_the_fact():
    saved = machine(1).save()
    with pytest.raises(PrivacyError, match="without differential privacy"):
        Machine.restore(saved, random=random.randbytes, privacy=PRIVACY)
    with pytest.raises(PrivacyError, match="scalar of 0"):
        private(scalar=0)


def test_without_privacy_everything_is_as_it_was():
    party, world = updating(privacy=None)
    request = until(party, world, MaskModel)
    assert request.noise is None
    assert budgets(party) == []
    assert party.machine.save()[8:10] == b"\x00\x01"
    assert private().save()[8:10] == b"\x00\x02"


FORGERIES = {
    "less spent than nothing": lambda text: text["privacy"].update(rho="-0x1.0p+0"),
    "a cost that is none": lambda text: text["privacy"].update(rho="nan"),
    "updates that are none": lambda text: text["privacy"].update(updates=-1),
    "no noise": lambda text: text["privacy"].update(noise_multiplier="0x0.0p+0"),
    "no account": lambda text: text.pop("privacy"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_account_is_refused(name):
    party, _ = updating()
    with pytest.raises(SnapshotError, match=r"inconsistent|same bytes"):
        Machine.restore(forged(party.machine.save(), FORGERIES[name]), random=random.randbytes)


def test_no_secret_shows():
    party, world = updating()
    request = until(party, world, MaskModel)
    shown = repr(request) + repr(party.notices) + repr(party.machine) + repr(party.machine.privacy)
    assert repr(request.noise.seed)[2:-1] not in shown
    assert request.noise.seed.hex() not in shown


def test_the_noise_is_forgotten_with_the_weights():
    party, world = updating()
    party.tell(carry_out(until(party, world, MaskModel)))
    memory = party.machine._ctx.memory
    assert (memory.noise_seed, memory.weights, memory.model) == (None, None, None)
    failed, world = updating()
    world.model = np.zeros(300, "f4")
    failed.train = lambda request: Trained(np.zeros(3, "f4"))
    run_phase([failed], world)
    assert failed.machine._ctx.memory.model is None
