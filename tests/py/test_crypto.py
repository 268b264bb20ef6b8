"""Keys check what they are given and never show what they hold."""

import pytest

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal, verify
from petal.errors import SealedBoxError, SignatureError

SIGNING = SigningKeyPair.from_seed(bytes(range(32)))
ENCRYPTION = EncryptionKeyPair.from_seed(bytes(range(32)))


def test_secrets_stay_out_of_reprs_and_errors():
    for keys, secret in ((SIGNING, SIGNING.seed), (ENCRYPTION, ENCRYPTION.secret)):
        assert secret.hex()[:8] not in repr(keys)
        assert repr(secret)[2:-1] not in repr(keys)
    with pytest.raises(ValueError, match="32 bytes, not 33") as caught:
        SigningKeyPair.from_seed(b"s" * 33)
    assert "sss" not in str(caught.value)


def test_key_pairs_are_equal_by_their_secret():
    assert SigningKeyPair.from_seed(SIGNING.seed) == SIGNING
    assert hash(SigningKeyPair.from_seed(SIGNING.seed)) == hash(SIGNING)
    assert EncryptionKeyPair.from_secret(ENCRYPTION.secret) == ENCRYPTION
    assert SigningKeyPair.generate() != SIGNING
    assert SIGNING != ENCRYPTION


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_sizes_are_checked_before_c_sees_them(size):
    wrong = bytes(size)
    for build in (SigningKeyPair.from_seed, EncryptionKeyPair.from_seed):
        with pytest.raises(ValueError, match="32 bytes"):
            build(wrong)
    with pytest.raises(ValueError, match="32 bytes"):
        EncryptionKeyPair.from_secret(wrong)
    with pytest.raises(ValueError, match="32 bytes"):
        verify(wrong, b"message", SIGNING.sign(b"message"))
    with pytest.raises(ValueError, match="32 bytes"):
        seal(wrong, b"message")


def test_text_is_no_key():
    with pytest.raises(TypeError, match="must be bytes, not str"):
        SigningKeyPair.from_seed("s" * 32)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), SIGNING.sign(b"another")])
def test_a_wrong_signature_is_refused(signature):
    with pytest.raises(SignatureError):
        verify(SIGNING.public, b"message", signature)


def test_a_box_opens_only_for_its_owner_and_whole():
    box = seal(ENCRYPTION.public, b"message")
    assert ENCRYPTION.open(box) == b"message"
    for bad in (box[:-1], box[:47], b"", box[:-1] + bytes([box[-1] ^ 1])):
        with pytest.raises(SealedBoxError):
            ENCRYPTION.open(bad)
    with pytest.raises(SealedBoxError):
        EncryptionKeyPair.generate().open(box)


def test_nothing_is_sealed_to_a_key_of_low_order():
    with pytest.raises(SealedBoxError, match="low order"):
        seal(bytes(32), b"message")


def test_seeded_randomness_seals_to_the_same_bytes():
    assert seal(ENCRYPTION.public, b"m", bytes) == seal(ENCRYPTION.public, b"m", bytes)
    assert seal(ENCRYPTION.public, b"m") != seal(ENCRYPTION.public, b"m")
