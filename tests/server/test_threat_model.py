"""docs/threat-model.md: the attacks that it says work do work here, and what it names is there.

A test that stops passing because an attack fails is good news, and the page has to say so then.
"""

import asyncio
import hashlib
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from nacl import bindings

from petal.client.driver import drive
from petal.client.transport import Response
from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.errors import SealedBoxError
from petal.mask import Aggregation, Masker, MaskObject, derive_mask, group
from petal.participant import Machine, WorkFailed
from petal.round import eligible, next_round_seed, sum_task
from petal.wire import Message, encode_dictionary, encode_params, parse_payload
from petal_server.phases import PhaseName

from .harness import ACCEPTED, running, small_settings
from .members import summers, updaters

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493


def opened(masked, mask, length=3):
    """What is under a mask."""
    alone = Aggregation(masked.config, length)
    alone.add(masked)
    return alone.unmask(mask)


async def test_one_sum_participant_and_the_coordinator_open_every_update():
    async with running() as coordinator:
        [colluding] = await coordinator.to_update()
        for number, member in enumerate(updaters(coordinator.params, 3), 1):
            secret = np.float32([0.1, -0.2, 0.3]) * number
            update = member.update_payload(coordinator.sums, secret)
            seed = colluding.ephemeral.open(update.local_seeds[colluding.pk])
            mask = derive_mask(seed, 3, coordinator.params.mask_config)
            np.testing.assert_allclose(opened(update.masked_model, mask), secret, atol=1e-6)


class Cheat:
    """A coordinator that shows one honest sum participant seeds of its own choice."""

    def __init__(self, params, keys, victims_seed):
        self.params, self.keys, self.victims_seed = params, keys, victims_seed
        self.own = [bytes([n]) * 32 for n in range(1, 5)]
        self.ephemeral = self.mask = None

    async def fetch(self, method, path, headers, body, limit):
        await asyncio.sleep(0)
        if method == "POST":
            self._opened(Message.from_bytes(self.keys.open(body)))
            return Response(200, {}, b'{"outcome": "accepted", "reason": null}')
        if path == "params":
            return Response(200, {}, encode_params(self.params))
        if path.startswith("seeds") and self.ephemeral:
            seeds = [self.victims_seed, *self.own]
            sealed = {bytes([n]) * 32: seal(self.ephemeral, seed) for n, seed in enumerate(seeds)}
            return Response(200, {}, encode_dictionary(sealed))
        return Response(204, {}, b"")

    def _opened(self, message):
        payload = parse_payload(message.tag, message.payload)
        if self.ephemeral is None:
            self.ephemeral = payload.ephemeral_pk
        else:
            self.mask = payload.mask
            asyncio.current_task().cancel()


async def test_a_cheating_coordinator_has_an_honest_sum_participant_open_an_update():
    async with running() as coordinator:
        params, keys = coordinator.params, coordinator.ctx.state.keys
        honest = Machine(summers(params, 1)[0].keys, random=bytes)
        secret = np.float32([0.25, -0.5, 0.75])
        victims_seed, masked = Masker(params.mask_config, b"v" * 32).mask(secret)
        # As the update carries it, the coordinator could not open it; it only passes it on.
        cheat = Cheat(params, keys, victims_seed)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(drive(honest, cheat, lambda *_: WorkFailed("sums only")))
        left = cheat.mask.limbs
        for seed in cheat.own:
            known = derive_mask(seed, 3, params.mask_config)
            left = group.subtract(left, known.limbs, params.mask_config.vect.order)
        unit = cheat.mask.unit - sum(
            derive_mask(seed, 3, params.mask_config).unit for seed in cheat.own
        )
        mask = MaskObject(params.mask_config, left, unit % params.mask_config.unit.order)
        np.testing.assert_allclose(opened(masked, mask), secret, atol=1e-6)


async def test_those_who_pool_their_weights_know_the_last_one():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        weights = [np.float32([n, 0, -n]) / 10 for n in (1, 2, 7)]
        for member, mine in zip(updaters(coordinator.params, 3), weights, strict=True):
            assert await coordinator.post(member.update(coordinator.sums, mine)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)
        mean = (await coordinator.ctx.store.latest_global_model()).npy
        last = 3 * np.frombuffer(mean, "<f4", offset=len(mean) - 12) - weights[0] - weights[1]
        np.testing.assert_allclose(last, weights[2], atol=1e-6)


async def test_a_poisoned_update_is_not_held_to_the_bound():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        config = coordinator.params.mask_config
        assert config.vect.add_shift == 1
        good, bad = updaters(coordinator.params, 3)[:2], updaters(coordinator.params, 3)[2]
        for member in good:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        payload = bad.update_payload(coordinator.sums, np.zeros(3, np.float32))
        far = [
            (element + 900 * config.vect.exp_shift) % config.vect.order
            for element in group.to_ints(payload.masked_model.limbs)
        ]
        limbs = group.from_ints(far, config.vect.limbs)
        wrong = MaskObject(config, limbs, payload.masked_model.unit)
        body = bad.update(coordinator.sums, masked_model=wrong, local_seeds=payload.local_seeds)
        assert await coordinator.post(body) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)
        mean = (await coordinator.ctx.store.latest_global_model()).npy
        assert np.frombuffer(mean, "<f4", offset=len(mean) - 12).min() > 300


async def test_one_update_with_useless_seeds_stops_an_honest_sum_participant():
    async with running() as coordinator:
        [honest] = await coordinator.to_update()
        bad, *good = updaters(coordinator.params, 3)
        useless = {honest.pk: seal(coordinator.params.coordinator_pk, bytes(32))}
        assert await coordinator.post(bad.update(coordinator.sums, local_seeds=useless)) == ACCEPTED
        for member in good:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        with pytest.raises(SealedBoxError):
            honest.mask(coordinator.seeds_of(honest.pk))


async def test_the_majority_of_sum_participants_decides_about_the_model():
    pet = small_settings().pet.model_dump()
    pet["sum"]["count"]["max"] = pet["sum2"]["count"]["max"] = 3
    async with running(small_settings(pet=pet)) as coordinator:
        sums = await coordinator.to_sum2(3)
        wrong = derive_mask(b"w" * 32, 3, coordinator.params.mask_config)
        for number, member in enumerate(sums):
            seeds = coordinator.seeds_of(member.pk)
            vote = member.sum2(seeds) if number == 0 else member.sum2(seeds, mask=wrong)
            assert await coordinator.post(vote) == ACCEPTED
        coordinator.clock.advance(10)
        await coordinator.until(lambda: coordinator.ctx.board.model_id)
        model = await coordinator.ctx.store.latest_global_model()
        assert not np.allclose(np.frombuffer(model.npy, "<f4", offset=len(model.npy) - 12), 0.5)


def signatures(keys, message):
    """Valid signatures of `keys`, one after the other: Ed25519 leaves the nonce to its signer."""
    digest = bytearray(hashlib.sha512(keys.seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    secret = int.from_bytes(digest, "little")
    for nonce in itertools.count(1):
        point = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little"))
        challenge = hashlib.sha512(point + keys.public + message).digest()
        scalar = (nonce + int.from_bytes(challenge, "little") * secret) % ORDER_OF_ED25519
        yield point + scalar.to_bytes(32, "little")


async def test_a_participant_chooses_its_own_task():
    async with running() as coordinator:
        params = coordinator.params
        member = updaters(params, 1)[0]
        assert not eligible(member.tasks.sum_signature, params.sum_prob)
        tries = signatures(member.keys, sum_task(params.seed))
        chosen = next(each for each in tries if eligible(each, params.sum_prob))
        assert await coordinator.post(member.sum(sum_signature=chosen)) == ACCEPTED


def test_a_coordinator_chooses_who_sums():
    """It makes its own keys, and the next seed follows from them: it may try until it likes it."""
    favourite = SigningKeyPair.from_seed(b"f" * 32)
    keys = (EncryptionKeyPair.from_seed(number.to_bytes(32, "big")) for number in range(10_000))
    seeds = (next_round_seed(pair.secret, bytes(32), 0.01, 1.0) for pair in keys)
    assert any(eligible(favourite.sign(sum_task(seed)), 0.01) for seed in seeds)


def references():
    return set(re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|js|json|txt|md))(?:::(\w+))?`", PAGE))


def test_everything_that_the_page_names_is_there():
    found = references()
    assert len(found) > 20
    for path, name in found:
        file = ROOT / path
        assert file.is_file(), path
        assert name in file.read_text(encoding="utf-8"), f"{path} has no {name}"


def test_the_page_names_every_attack_that_is_shown_here():
    shown = {name for name in globals() if name.startswith("test_") and "page" not in name}
    named = {name for path, name in references() if path == "tests/server/test_threat_model.py"}
    assert named == shown
