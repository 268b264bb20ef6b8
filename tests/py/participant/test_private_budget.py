"""What differential privacy charges for updates, and what happens when the budget is spent."""

import random
from dataclasses import replace

import numpy as np
import pytest

from petal.errors import SnapshotError
from petal.participant import Machine, MaskModel, RoleChosen, State, Trained, carry_out, snapshot
from petal.privacy import LocalPrivacy, epsilon_of
from petal.round import Role
from petal.wire import Message, Tag

from .private_party import PRIVACY, budgets, exact_model, private, until, updating
from .test_snapshot import forged
from .world import Coordinator, Party, answer, run_phase


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
