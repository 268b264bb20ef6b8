"""Messages that are turned away before their task is looked at, each by the reason's name."""

from dataclasses import replace

import numpy as np
import pytest

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.wire import Tag, sign_message
from petal_server.outcome import Reason
from petal_server.phases import PhaseName
from petal_server.sizes import largest_message

from .harness import running, small_settings
from .members import summers, updaters

pytestmark = pytest.mark.anyio


def corrupt(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


async def test_an_oversized_message_is_not_even_opened():
    async with running() as coordinator:
        size = largest_message(coordinator.settings)
        await coordinator.rejects(bytes(size + 1), Reason.TOO_LARGE)
        await coordinator.rejects(bytes(size), Reason.SEALED_BOX)


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
        await coordinator.rejects(body, Reason.WRONG_PHASE)


@pytest.mark.parametrize("body", [b"", b"x", bytes(48), bytes(500)], ids=len)
async def test_noise(body):
    async with running() as coordinator:
        await coordinator.rejects(body, Reason.SEALED_BOX)


async def test_a_message_sealed_to_another_key():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = member.signed(Tag.SUM, member.sum_payload().to_bytes())
        other = EncryptionKeyPair.generate(member.draw)
        await coordinator.rejects(seal(other.public, message), Reason.SEALED_BOX)


async def test_a_message_changed_on_the_way():
    async with running() as coordinator:
        body = summers(coordinator.params, 1)[0].sum()
        for at in (0, 31, 32, 48, len(body) - 1):
            await coordinator.rejects(corrupt(body, at), Reason.SEALED_BOX)
        await coordinator.rejects(body[:-1], Reason.SEALED_BOX)


async def test_a_truncated_message():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = member.signed(Tag.SUM, member.sum_payload().to_bytes())
        for size in (0, 1, 64, 135, 136, len(message) - 1):
            await coordinator.rejects(member.sealed(message[:size]), Reason.MALFORMED)
        await coordinator.rejects(member.sealed(message + b"x"), Reason.MALFORMED)


@pytest.mark.parametrize(("at", "value"), [(132, 0), (132, 4), (133, 2), (134, 1), (128, 1)])
async def test_a_header_that_the_protocol_does_not_know(at, value):
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = bytearray(member.signed(Tag.SUM, member.sum_payload().to_bytes()))
        message[at] = value
        await coordinator.rejects(member.sealed(bytes(message)), Reason.MALFORMED)


async def test_each_kind_of_message_has_its_phase():
    async with running() as coordinator:
        early = updaters(coordinator.params, 1)[0]
        key = EncryptionKeyPair.generate(early.draw)
        await coordinator.rejects(early.update({key.public: key.public}), Reason.WRONG_PHASE)
        sums = await coordinator.to_update()
        await coordinator.rejects(sums[0].sum(), Reason.WRONG_PHASE)
        await coordinator.rejects(sums[0].sum2({}), Reason.WRONG_PHASE)


async def test_no_message_is_taken_while_a_round_has_failed():
    async with running() as coordinator:
        body = summers(coordinator.params, 1)[0].sum()
        coordinator.clock.advance(10)
        await coordinator.reaches(PhaseName.FAILURE, after=60)
        await coordinator.rejects(body, Reason.WRONG_PHASE)


async def test_the_signature_of_another_key():
    async with running() as coordinator:
        member, other = summers(coordinator.params, 2)
        payload = member.sum_payload().to_bytes()
        message = sign_message(other.keys, coordinator.params.coordinator_pk, Tag.SUM, payload)
        forged = message[:64] + member.pk + message[96:]
        await coordinator.rejects(member.sealed(forged), Reason.SIGNATURE)


async def test_a_signed_message_changed_before_sealing():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        message = member.signed(Tag.SUM, member.sum_payload().to_bytes())
        for at in (0, 63, 70, 100, 136, len(message) - 1):
            await coordinator.rejects(member.sealed(corrupt(message, at)), Reason.SIGNATURE)


async def test_a_message_for_another_coordinator():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        payload = member.sum_payload().to_bytes()
        message = sign_message(member.keys, bytes(32), Tag.SUM, payload)
        await coordinator.rejects(member.sealed(message), Reason.WRONG_COORDINATOR)


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: p + b"x", lambda p: b""])
async def test_a_payload_that_does_not_parse_to_its_end(change):
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        payload = change(member.sum_payload().to_bytes())
        body = member.sealed(member.signed(Tag.SUM, payload))
        await coordinator.rejects(body, Reason.PAYLOAD)


async def test_a_checked_message_that_arrives_in_the_next_round(monkeypatch):
    async with running() as coordinator:
        body = summers(coordinator.params, 1)[0].sum()
        submit = coordinator.ctx.inbox.submit

        async def a_round_later(request):
            return await submit(replace(request, round_id=request.round_id - 1))

        monkeypatch.setattr(coordinator.ctx.inbox, "submit", a_round_later)
        await coordinator.rejects(body, Reason.WRONG_PHASE)


async def test_a_small_order_public_key_signs_nothing():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        keys = SigningKeyPair.from_seed(bytes(32))
        message = sign_message(
            keys, coordinator.params.coordinator_pk, Tag.SUM, member.sum_payload().to_bytes()
        )
        weak = bytes(64) + (1).to_bytes(32, "little") + message[96:]
        await coordinator.rejects(member.sealed(weak), Reason.SIGNATURE)
