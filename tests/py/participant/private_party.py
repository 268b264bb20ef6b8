"""A participant with differential privacy, and what can be seen of its update."""

from petal.mask import Aggregation
from petal.participant import PrivacyBudget, SumMasks, carry_out
from petal.privacy import LocalPrivacy

from .world import Coordinator, Party, machine

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
