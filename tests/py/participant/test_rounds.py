"""Whole rounds in one process: the global model is the weighted mean, whatever the settings."""

from fractions import Fraction

import numpy as np
import pytest

from petal.participant import Delivered, GlobalModel, NewRound, RoleChosen, Trained
from petal.round import Role
from petal.wire import Message, Tag, encode_model, parse_payload

from .world import Coordinator, Party, machine, run_phase, run_round, weights_of

CONFIGS = ["Prime/F32/B0/M3", "Integer/F64/B2/M6", "Power2/I32/B4/M3", "Prime/I64/Bmax/M3"]


def parties(count=8, **options):
    return [Party(number, machine(number, **options)) for number in range(count)]


def updaters(crowd):
    return [party for party in crowd if RoleChosen(Role.UPDATE) in party.notices]


def weighted_mean(crowd, params, scalar_of):
    """By rational arithmetic, from the weights that the update participants hold."""
    scalars = [Fraction(scalar_of(party.number)) for party in updaters(crowd)]
    rows = [weights_of(party.number, params).tolist() for party in updaters(crowd)]
    return [
        sum(s * Fraction(w) for s, w in zip(scalars, column, strict=True)) / sum(scalars)
        for column in zip(*rows, strict=True)
    ]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_global_model_is_the_weighted_mean(config):
    world, crowd = Coordinator(config), parties()
    for party in crowd:
        # Binary fractions, so that fixed-point arithmetic loses nothing of weight or scalar.
        scalar = Fraction(party.number % 3 + 1, 4)
        party.train = lambda request, n=party.number, s=scalar: Trained(
            weights_of(n, request.params), s
        )
    params = world.params
    run_round(crowd, world)
    expected = weighted_mean(crowd, params, lambda n: Fraction(n % 3 + 1, 4))
    assert world.exact == expected
    run_phase(crowd, world)
    models = [n.weights for p in crowd for n in p.notices if isinstance(n, GlobalModel)]
    assert sum(model is not None for model in models) == len(crowd)
    for model in models:
        assert model is None or np.array_equal(model, world.model)


def test_a_small_message_size_cuts_every_large_message():
    world, crowd = Coordinator(length=3000), parties(max_message_size=4096)
    run_round(crowd, world)
    assert max(map(len, world.sealed)) == 4096
    assert len(world.sealed) > 5 * len(crowd)
    assert world.exact == weighted_mean(crowd, world.params, lambda _: 1)


def test_a_xaynet_coordinator_gives_no_receipts_and_bincode_models():
    class Xaynet(Coordinator):
        def _model(self, _):
            return None if self.model is None else encode_model(self.exact)

    world, crowd = Xaynet(), parties()
    world.receipts = False
    run_round(crowd, world)
    run_phase(crowd, world)
    for party in crowd:
        model = [n for n in party.notices if isinstance(n, GlobalModel)][-1].weights
        assert model.dtype == np.float32
        np.testing.assert_array_equal(model, world.model)
    assert any(Delivered("update", None) in party.notices for party in crowd)


def test_a_round_replays_from_its_seed():
    def play():
        world, crowd = Coordinator(length=900), parties(max_message_size=4096)
        run_round(crowd, world)
        return world.sealed, world.exact

    assert play() == play()


def test_roles_follow_the_lot():
    world, crowd = Coordinator(probs=(0.5, 0.5)), parties(40)
    run_round(crowd, world)
    chosen = [n.role for p in crowd for n in p.notices if isinstance(n, RoleChosen)]
    assert set(chosen) == set(Role)
    sent = [Message.from_bytes(data) for data in world.opened]
    by_tag = {tag: {m.participant_pk for m in sent if m.tag is tag} for tag in Tag}
    assert by_tag[Tag.SUM] == by_tag[Tag.SUM2]
    assert len(by_tag[Tag.SUM]) == chosen.count(Role.SUM)
    assert len(by_tag[Tag.UPDATE]) == chosen.count(Role.UPDATE)


def test_training_is_given_the_global_model_read_only():
    world, crowd = Coordinator(), parties()
    seen = []

    def train(request):
        seen.append(request.model)
        return Trained(weights_of(0, request.params))

    for party in crowd:
        party.train = train
    for _ in range(2):
        run_round(crowd, world)
    first = sum(model is None for model in seen)
    assert 0 < first < len(seen)
    with pytest.raises(ValueError, match="read-only"):
        seen[-1][0] = 1


def test_it_ends_after_the_rounds_asked_for_with_the_last_model_in_hand():
    world, crowd = Coordinator(), parties(rounds=2)
    for _ in range(2):
        run_round(crowd, world)
    run_phase(crowd, world)
    for party in crowd:
        assert party.done
        assert party.machine.rounds_ended == 2
        assert [n.ended for n in party.notices if isinstance(n, NewRound)] == [0, 1, 2]
        last = [n for n in party.notices if isinstance(n, GlobalModel)][-1]
        np.testing.assert_array_equal(last.weights, world.model)


def test_a_participant_that_was_done_can_be_asked_for_more():
    world, crowd = Coordinator(), parties(rounds=1)
    run_round(crowd, world)
    run_phase(crowd, world)
    assert all(party.done for party in crowd)
    for party in crowd:
        party.machine.extend(1)
        party.restart()
    run_round(crowd, world)
    assert len(updaters(crowd)) > 0
    run_phase(crowd, world)
    assert all(party.done for party in crowd)


def test_no_weight_leaves_unmasked():
    """Every opened update holds elements that are not the weights' own encoding."""
    world, crowd = Coordinator(length=50), parties()
    run_round(crowd, world)
    updates = [Message.from_bytes(d) for d in world.opened]
    updates = [parse_payload(m.tag, m.payload) for m in updates if m.tag is Tag.UPDATE]
    encodings = {
        int((weight + 1) * 10**10)
        for party in updaters(crowd)
        for weight in weights_of(party.number, world.params).astype(float)
    }
    assert updates
    for update in updates:
        assert not encodings & set(update.masked_model.vect)
