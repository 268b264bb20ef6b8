"""Real messages for one round, made beforehand so that only the coordinator's work is timed."""

import os
from collections.abc import Iterator

import numpy as np

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.mask import Masker, sum_masks
from petal.round import Role, RoundParameters, sign_tasks
from petal.wire import Sum2Payload, SumPayload, UpdatePayload, Upload

MAX_MESSAGE_SIZE = 1 << 30


def with_role(params: RoundParameters, role: Role) -> Iterator[SigningKeyPair]:
    """Fresh key pairs of participants that have this role in the round."""
    while True:
        keys = SigningKeyPair.generate()
        if sign_tasks(keys, params).role is role:
            yield keys


class Traffic:
    """One sum participant and any number of update participants of one round.

    All updates carry the same masked model, since masking is not what is measured with them; the
    signatures, the seeds and the boxes are each one's own.
    """

    def __init__(self, params: RoundParameters):
        self._params = params
        self._sum_keys = next(with_role(params, Role.SUM))
        self._sum_signature = sign_tasks(self._sum_keys, params).sum_signature
        self._ephemeral = EncryptionKeyPair.generate()
        weights = np.random.default_rng(1).uniform(-1, 1, params.model_length)
        masker = Masker(params.mask_config)
        self._seed, self._masked = masker.mask(weights.astype(np.float32))
        self._count = 0

    def sum_message(self) -> bytes:
        payload = SumPayload(self._sum_signature, self._ephemeral.public)
        return self._sealed(self._sum_keys, payload)

    def updates(self, count: int) -> list[bytes]:
        """`count` sealed update messages, each of another participant."""
        self._count += count
        participants = with_role(self._params, Role.UPDATE)
        return [self._update(keys) for keys, _ in zip(participants, range(count), strict=False)]

    def update_payload(self, keys: SigningKeyPair) -> UpdatePayload:
        signed = sign_tasks(keys, self._params)
        seeds = {self._sum_keys.public: seal(self._ephemeral.public, self._seed)}
        return UpdatePayload(signed.sum_signature, signed.update_signature, self._masked, seeds)

    def _update(self, keys: SigningKeyPair) -> bytes:
        return self._sealed(keys, self.update_payload(keys))

    def sum2_message(self) -> bytes:
        """The sum of the masks of all updates made so far."""
        seeds = [self._seed] * self._count
        mask = sum_masks(seeds, self._params.model_length, self._params.mask_config)
        return self._sealed(self._sum_keys, Sum2Payload(self._sum_signature, mask))

    def _sealed(self, keys: SigningKeyPair, payload) -> bytes:
        upload = Upload(
            keys,
            self._params.coordinator_pk,
            payload.tag,
            payload.to_bytes(),
            max_message_size=MAX_MESSAGE_SIZE,
            message_id=int.from_bytes(os.urandom(2), "big"),
        )
        return upload.sealed(0)
