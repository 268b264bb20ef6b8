"""Every way in which a message is turned away, by name, and a round that goes on unharmed."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.mask import MaskConfig, MaskConfigPair, Masker, derive_mask
from petal.round import Role
from petal.wire import Tag, sign_message
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.sizes import largest_message

from .harness import ACCEPTED, running, small_settings
from .members import members, summers, updaters

pytestmark = pytest.mark.anyio


async def rejected(coordinator, body, reason):
    """``body`` is rejected for ``reason``, counted as such, and nothing else changes."""
    phase, board = coordinator.ctx.phase, coordinator.ctx.board
    accepted, refused, discarded = coordinator.counts(phase)
    assert await coordinator.post(body) == Receipt(Outcome.REJECTED, reason)
    assert coordinator.ctx.phase is phase
    assert coordinator.counts(phase) == (accepted, refused + 1, discarded)
    assert coordinator.ctx.board is board


def corrupt(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


async def test_an_oversized_message_is_not_even_opened():
    async with running() as coordinator:
        size = largest_message(coordinator.settings)
        await rejected(coordinator, bytes(size + 1), Reason.TOO_LARGE)
        await rejected(coordinator, bytes(size), Reason.SEALED_BOX)


async def test_the_largest_update_of_the_settings_fits():
    pet = small_settings().pet.model_dump()
    pet["sum"]["count"]["max"] = 700
    settings = small_settings(pet=pet, model={"length": 20_000})
    async with running(settings) as coordinator:
        member = updaters(coordinator.params, 1)[0]
        fake = {n.to_bytes(32, "big"): coordinator.params.coordinator_pk for n in range(700)}
        weights = np.zeros(20_000, np.float32)
        body = member.update(fake, weights)
        assert len(body) == largest_message(settings)
        await rejected(coordinator, body, Reason.WRONG_PHASE)


@pytest.mark.parametrize("body", [b"", b"x", bytes(48), bytes(500)], ids=len)
async def test_noise(body):
    async with running() as coordinator:
        await rejected(coordinator, body, Reason.SEALED_BOX)


async def test_a_message_sealed_to_another_key():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = member.signed(Tag.SUM, member.sum_payload().to_bytes())
        other = EncryptionKeyPair.generate(member.draw)
        await rejected(coordinator, seal(other.public, message), Reason.SEALED_BOX)


async def test_a_message_changed_on_the_way():
    async with running() as coordinator:
        body = summers(coordinator.params, 1)[0].sum()
        for at in (0, 31, 32, 48, len(body) - 1):
            await rejected(coordinator, corrupt(body, at), Reason.SEALED_BOX)
        await rejected(coordinator, body[:-1], Reason.SEALED_BOX)


async def test_a_truncated_message():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = member.signed(Tag.SUM, member.sum_payload().to_bytes())
        for size in (0, 1, 64, 135, 136, len(message) - 1):
            await rejected(coordinator, member.sealed(message[:size]), Reason.MALFORMED)
        await rejected(coordinator, member.sealed(message + b"x"), Reason.MALFORMED)


@pytest.mark.parametrize(("at", "value"), [(132, 0), (132, 4), (133, 2), (134, 1), (128, 1)])
async def test_a_header_that_the_protocol_does_not_know(at, value):
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = bytearray(member.signed(Tag.SUM, member.sum_payload().to_bytes()))
        message[at] = value
        await rejected(coordinator, member.sealed(bytes(message)), Reason.MALFORMED)


async def test_each_kind_of_message_has_its_phase():
    async with running() as coordinator:
        early = updaters(coordinator.params, 1)[0]
        key = EncryptionKeyPair.generate(early.draw)
        await rejected(coordinator, early.update({key.public: key.public}), Reason.WRONG_PHASE)
        sums = await coordinator.to_update()
        await rejected(coordinator, sums[0].sum(), Reason.WRONG_PHASE)
        await rejected(coordinator, sums[0].sum2({}), Reason.WRONG_PHASE)


async def test_no_message_is_taken_while_a_round_has_failed():
    async with running() as coordinator:
        body = summers(coordinator.params, 1)[0].sum()
        coordinator.clock.advance(10)
        await coordinator.reaches(PhaseName.FAILURE, after=60)
        await rejected(coordinator, body, Reason.WRONG_PHASE)


async def test_the_signature_of_another_key():
    async with running() as coordinator:
        member, other = summers(coordinator.params, 2)
        payload = member.sum_payload().to_bytes()
        message = sign_message(other.keys, coordinator.params.coordinator_pk, Tag.SUM, payload)
        forged = message[:64] + member.pk + message[96:]
        await rejected(coordinator, member.sealed(forged), Reason.SIGNATURE)


async def test_a_signed_message_changed_before_sealing():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = member.signed(Tag.SUM, member.sum_payload().to_bytes())
        for at in (0, 63, 70, 100, 136, len(message) - 1):
            await rejected(coordinator, member.sealed(corrupt(message, at)), Reason.SIGNATURE)


async def test_a_message_for_another_coordinator():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        payload = member.sum_payload().to_bytes()
        message = sign_message(member.keys, bytes(32), Tag.SUM, payload)
        await rejected(coordinator, member.sealed(message), Reason.WRONG_COORDINATOR)


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: p + b"x", lambda p: b""])
async def test_a_payload_that_does_not_parse_to_its_end(change):
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        payload = change(member.sum_payload().to_bytes())
        body = member.sealed(member.signed(Tag.SUM, payload))
        await rejected(coordinator, body, Reason.PAYLOAD)


async def test_a_mask_object_of_no_known_configuration():
    async with running() as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        payload = bytearray(member.update_payload(coordinator.sums).to_bytes())
        payload[128] = 9
        body = member.sealed(member.signed(Tag.UPDATE, bytes(payload)))
        await rejected(coordinator, body, Reason.PAYLOAD)


async def test_a_sum_signature_of_another_participant_or_round():
    async with running() as coordinator:
        member, other = summers(coordinator.params, 2)
        body = member.sum(sum_signature=other.tasks.sum_signature)
        await rejected(coordinator, body, Reason.SUM_SIGNATURE)
        stale = member.keys.sign(bytes(32) + b"sum")
        await rejected(coordinator, member.sum(sum_signature=stale), Reason.SUM_SIGNATURE)


async def test_only_those_drawn_may_sum():
    async with running() as coordinator:
        body = updaters(coordinator.params, 1)[0].sum()
        await rejected(coordinator, body, Reason.NOT_A_SUM_PARTICIPANT)


async def test_a_sum_participant_may_not_update():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        body = sums[0].update(coordinator.sums)
        await rejected(coordinator, body, Reason.IS_A_SUM_PARTICIPANT)


async def test_an_update_signature_of_another_participant():
    async with running() as coordinator:
        await coordinator.to_update()
        member, other = updaters(coordinator.params, 2)
        body = member.update(coordinator.sums, update_signature=other.tasks.update_signature)
        await rejected(coordinator, body, Reason.UPDATE_SIGNATURE)


async def test_only_those_drawn_may_update():
    pet = small_settings().pet.model_dump()
    pet["update"]["prob"] = 0.5
    async with running(small_settings(pet=pet)) as coordinator:
        await coordinator.to_update()
        body = members(coordinator.params, Role.NONE, 1)[0].update(coordinator.sums)
        await rejected(coordinator, body, Reason.NOT_AN_UPDATE_PARTICIPANT)


async def test_a_sum_participant_registers_once():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        first = member.sum()
        assert await coordinator.post(first) == ACCEPTED
        await rejected(coordinator, first, Reason.REPLAYED)
        await rejected(
            coordinator,
            member.sum(ephemeral_pk=EncryptionKeyPair.generate().public),
            Reason.REPLAYED,
        )
        await coordinator.reaches(PhaseName.UPDATE, after=10)
        assert coordinator.sums == {member.pk: member.ephemeral.public}


async def test_an_update_participant_is_added_once():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        updates = updaters(coordinator.params, 3)
        first = updates[0].update(coordinator.sums)
        assert await coordinator.post(first) == ACCEPTED
        await rejected(coordinator, first, Reason.REPLAYED)
        again = updates[0].update(coordinator.sums, np.ones(3, np.float32))
        await rejected(coordinator, again, Reason.REPLAYED)
        for member in updates[1:]:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)
        model = await coordinator.ctx.store.latest_global_model()
        assert np.frombuffer(model.npy[-12:], np.float32).tolist() == [0.5] * 3


async def test_a_sum_participant_votes_once():
    async with running() as coordinator:
        first, second = await coordinator.to_sum2(2)
        vote = first.sum2(coordinator.seeds_of(first.pk))
        assert await coordinator.post(vote) == ACCEPTED
        await rejected(coordinator, vote, Reason.REPLAYED)
        other = derive_mask(bytes(32), 3, coordinator.params.mask_config)
        await rejected(coordinator, first.sum2({}, mask=other), Reason.REPLAYED)
        await coordinator.finish([second])


async def test_only_registered_sum_participants_vote():
    async with running() as coordinator:
        sums = await coordinator.to_sum2()
        stranger = summers(coordinator.params, 2)[1]
        mask = sums[0].mask(coordinator.seeds_of(sums[0].pk))
        await rejected(coordinator, stranger.sum2({}, mask=mask), Reason.UNKNOWN_SUM_PARTICIPANT)
        await coordinator.finish(sums)


@pytest.mark.parametrize("keys", ["none", "one too few", "one too many", "another"])
async def test_seeds_must_be_for_exactly_the_sum_participants(keys):
    async with running() as coordinator:
        sums = await coordinator.to_update(2)
        right = list(coordinator.sums.items())
        stranger = (bytes(32), right[0][1])
        wrong = {
            "none": [],
            "one too few": right[:1],
            "one too many": [*right, stranger],
            "another": [right[0], stranger],
        }[keys]
        updates = updaters(coordinator.params, 4)
        await rejected(coordinator, updates[0].update(dict(wrong)), Reason.SEED_DICTIONARY)
        for member in updates:  # the first one too: its failed try left no trace
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)


def other_config(params):
    config = MaskConfig.parse("Prime/F32/B2/M3")
    return Masker(MaskConfigPair(config, config)).mask(np.zeros(3, np.float32))[1]


def other_length(params):
    return Masker(params.mask_config).mask(np.zeros(4, np.float32))[1]


WRONG_OBJECTS = [
    pytest.param(other_config, Reason.MASK_CONFIG, id="config"),
    pytest.param(other_length, Reason.MODEL_LENGTH, id="length"),
]


@pytest.mark.parametrize(("wrong", "reason"), WRONG_OBJECTS)
async def test_a_masked_model_of_another_kind(wrong, reason):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        updates = updaters(coordinator.params, 3)
        body = updates[0].update(coordinator.sums, masked_model=wrong(coordinator.params))
        await rejected(coordinator, body, reason)
        for member in updates:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)


@pytest.mark.parametrize(("wrong", "reason"), WRONG_OBJECTS)
async def test_a_mask_of_another_kind(wrong, reason):
    async with running() as coordinator:
        sums = await coordinator.to_sum2()
        body = sums[0].sum2({}, mask=wrong(coordinator.params))
        await rejected(coordinator, body, reason)
        await coordinator.finish(sums)


def with_element(payload, offset, config, value):
    size = config.bytes_per_number
    return payload[:offset] + value.to_bytes(size, "little") + payload[offset + size :]


@pytest.mark.parametrize("element", ["first weight", "last weight", "scalar"])
async def test_an_element_at_the_order(element):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        config, updates = coordinator.params.mask_config.vect, updaters(coordinator.params, 3)
        payload = updates[0].update_payload(coordinator.sums).to_bytes()
        first = 128 + 4 + 4
        offset = {
            "first weight": first,
            "last weight": first + 2 * config.bytes_per_number,
            "scalar": first + 3 * config.bytes_per_number + 4,
        }[element]
        wrong = with_element(payload, offset, config, config.order)
        body = updates[0].sealed(updates[0].signed(Tag.UPDATE, wrong))
        await rejected(coordinator, body, Reason.ELEMENT_OUT_OF_RANGE)
        for member in updates:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)


async def test_one_model_more_than_the_configuration_holds(monkeypatch):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        bodies = [m.update(coordinator.sums) for m in updaters(coordinator.params, 4)]
        # A thousand real updates would take minutes; three stand for them.
        monkeypatch.setattr(MaskConfig, "max_models", 3)
        for body in bodies[:3]:
            assert await coordinator.post(body) == ACCEPTED
        await rejected(coordinator, bodies[3], Reason.TOO_MANY_MODELS)
        await coordinator.reaches(PhaseName.SUM2, after=10)
        assert len(coordinator.seeds_of(sums[0].pk)) == 3
        await coordinator.finish(sums)


async def test_a_checked_message_that_arrives_in_the_next_round(monkeypatch):
    async with running() as coordinator:
        body = summers(coordinator.params, 1)[0].sum()
        submit = coordinator.ctx.inbox.submit

        async def a_round_later(request):
            return await submit(replace(request, round_id=request.round_id - 1))

        monkeypatch.setattr(coordinator.ctx.inbox, "submit", a_round_later)
        await rejected(coordinator, body, Reason.WRONG_PHASE)


async def test_a_small_order_public_key_signs_nothing():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        keys = SigningKeyPair.from_seed(bytes(32))
        message = sign_message(
            keys, coordinator.params.coordinator_pk, Tag.SUM, member.sum_payload().to_bytes()
        )
        weak = bytes(64) + (1).to_bytes(32, "little") + message[96:]
        await rejected(coordinator, member.sealed(weak), Reason.SIGNATURE)


async def test_no_mutation_of_a_payload_stops_the_round():
    """Signed and sealed as it should be, with random bytes in it: the worst a participant sends."""
    draw = random.Random(20)
    async with running() as coordinator:
        sums = await coordinator.to_update()
        hostile, *honest = updaters(coordinator.params, 4)
        payload = hostile.update_payload(coordinator.sums).to_bytes()
        outcomes = Counter()
        for _ in range(400):
            changed = bytearray(payload)
            # The signatures are left alone: behind them is where parsing and the phase begin.
            start = draw.randrange(128, len(changed))
            changed[start : start + draw.randrange(1, 9)] = draw.randbytes(draw.randrange(9))
            body = hostile.sealed(hostile.signed(Tag.UPDATE, bytes(changed)))
            receipt = await coordinator.post(body)
            outcomes[receipt.reason] += 1
        # One passes: nobody but the sum participants can see that its sealed seed is broken.
        seen = {Reason.PAYLOAD, Reason.ELEMENT_OUT_OF_RANGE, Reason.REPLAYED, None}
        assert outcomes.keys() == seen
        assert outcomes[None] == 1
        for member in honest:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        assert len(coordinator.seeds_of(sums[0].pk)) == 4
