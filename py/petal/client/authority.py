"""An enrolment authority: the key that says who may take part, and the file it lives in.

The file is an Ed25519 private key as PKCS #8 in PEM, which OpenSSL and every language's library
read and write, so that an app's backend can issue tokens itself.
"""

import os
import time
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from petal.crypto import SigningKeyPair
from petal.errors import ParticipantError
from petal.wire import EnrolmentToken


class Authority:
    """Issues tokens. `public_key` (32) is what a coordinator's `admission.public_keys` names."""

    def __init__(self, keys: SigningKeyPair):
        self._keys = keys
        self.public_key = keys.public

    @classmethod
    def new(cls, path: Path) -> "Authority":
        """One with a new key, written to `path` for its owner alone; never over a file.

        ParticipantError where it cannot be written.
        """
        authority = cls(SigningKeyPair.generate())
        key = Ed25519PrivateKey.from_private_bytes(authority._keys.seed)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ParticipantError(f"{path} is there already and is left as it is") from None
        except OSError as error:
            raise ParticipantError(f"{path} cannot be written: {error.strerror}") from error
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        return authority

    @classmethod
    def load(cls, path: Path) -> "Authority":
        """The one whose key is in `path`; ParticipantError where there is none."""
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise ParticipantError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ParticipantError(f"{path} holds no private key in PEM without password") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ParticipantError(f"{path} holds another kind of key than Ed25519")
        return cls(SigningKeyPair(key.private_bytes_raw()))

    def token(self, participant_pk: bytes, valid: float) -> str:
        """A token for a participant's public key (32), good for `valid` seconds from now."""
        return str(EnrolmentToken.issue(self._keys, participant_pk, int(time.time() + valid)))
