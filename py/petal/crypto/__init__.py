"""Keys, signatures, sealed boxes and the mask generator's key stream."""

from petal.crypto.backend import RandomBytes, key_stream
from petal.crypto.keys import (
    KEY_SIZE,
    SEAL_OVERHEAD,
    SEED_SIZE,
    SIGNATURE_SIZE,
    EncryptionKeyPair,
    SigningKeyPair,
    seal,
    sized,
    verify,
    verify_signed,
)

__all__ = [
    "KEY_SIZE",
    "SEAL_OVERHEAD",
    "SEED_SIZE",
    "SIGNATURE_SIZE",
    "EncryptionKeyPair",
    "RandomBytes",
    "SigningKeyPair",
    "key_stream",
    "seal",
    "sized",
    "verify",
    "verify_signed",
]
