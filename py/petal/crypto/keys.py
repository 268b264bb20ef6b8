"""Key pairs that check their sizes, compare in constant time and stay mute in logs."""

import hashlib
import hmac
import os

from petal.crypto import backend
from petal.errors import SealedBoxError, SignatureError

KEY_SIZE = 32
SEED_SIZE = 32
SIGNATURE_SIZE = 64
SEAL_OVERHEAD = 48


def sized(name: str, value: bytes, size: int) -> bytes:
    """`value` as bytes of exactly `size`, or a ValueError that does not show it."""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}")
    if len(value) != size:
        raise ValueError(f"{name} must be {size} bytes, not {len(value)}")
    return bytes(value)


class _KeyPair:
    """What both kinds share: a public half to show and a secret half to hide."""

    __slots__ = ("_secret", "public")
    public: bytes

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.public.hex()[:8]}…>"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash((type(self), self.public))


class SigningKeyPair(_KeyPair):
    """An Ed25519 key pair: who a participant is."""

    __slots__ = ()

    def __init__(self, seed: bytes):
        self.public, self._secret = backend.active.sign_seed_keypair(
            sized("signing seed", seed, SEED_SIZE)
        )

    from_seed = classmethod(lambda cls, seed: cls(seed))

    @classmethod
    def generate(cls, random: backend.RandomBytes = os.urandom) -> "SigningKeyPair":
        """A fresh pair from 32 random bytes."""
        return cls(random(SEED_SIZE))

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes this pair was made from; with them it can be made again."""
        return self._secret[:SEED_SIZE]

    def sign(self, message: bytes) -> bytes:
        """The 64-byte detached signature of `message`."""
        return backend.active.sign_detached(bytes(message), self._secret)


class EncryptionKeyPair(_KeyPair):
    """An X25519 key pair, to which sealed boxes are addressed."""

    __slots__ = ()

    def __init__(self, secret: bytes):
        self._secret = sized("encryption secret key", secret, KEY_SIZE)
        self.public = backend.active.box_public_key(self._secret)

    from_secret = classmethod(lambda cls, secret: cls(secret))

    @classmethod
    def from_seed(cls, seed: bytes) -> "EncryptionKeyPair":
        """The pair libsodium derives from a 32-byte seed (`crypto_box_seed_keypair`)."""
        return cls(backend.active.box_seed_keypair(sized("encryption seed", seed, SEED_SIZE))[1])

    @classmethod
    def generate(cls, random: backend.RandomBytes = os.urandom) -> "EncryptionKeyPair":
        """A fresh pair from 32 random bytes."""
        return cls.from_seed(random(SEED_SIZE))

    @property
    def secret(self) -> bytes:
        """The 32-byte secret key."""
        return self._secret

    def open(self, sealed: bytes) -> bytes:
        """The plaintext of a sealed box; SealedBoxError if it is not for this key."""
        if len(sealed) < SEAL_OVERHEAD:
            raise SealedBoxError(f"a sealed box has at least {SEAL_OVERHEAD} bytes")
        plaintext = backend.active.seal_open(bytes(sealed), self.public, self._secret)
        if plaintext is None:
            raise SealedBoxError("the sealed box does not open with this key")
        return plaintext


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Return if `signature` (64) is `public`'s (32) on `message`; else SignatureError."""
    if len(signature) != SIGNATURE_SIZE:
        raise SignatureError(f"a signature has {SIGNATURE_SIZE} bytes, not {len(signature)}")
    verify_signed(public, b"".join((signature, message)))


def verify_signed(public: bytes, signed: bytes) -> None:
    """`verify` of a message that stands right after its signature, which spares copying it."""
    public = sized("public key", public, KEY_SIZE)
    if len(signed) < SIGNATURE_SIZE or not backend.active.verify_signed(bytes(signed), public):
        raise SignatureError("the signature does not belong to this key and message")


def seal(public: bytes, plaintext: bytes, random: backend.RandomBytes = os.urandom) -> bytes:
    """`plaintext` in a box that only `public`'s owner opens, 48 bytes longer.

    libsodium's `crypto_box_seal` draws its ephemeral key itself; here it comes from `random`,
    so that a seeded round gives the same bytes again.
    """
    public = sized("public key", public, KEY_SIZE)
    ephemeral = EncryptionKeyPair.generate(random)
    nonce = hashlib.blake2b(ephemeral.public + public, digest_size=24).digest()
    boxed = backend.active.box(bytes(plaintext), nonce, public, ephemeral.secret)
    if boxed is None:
        raise SealedBoxError("nothing can be sealed to this public key: it is of low order")
    return ephemeral.public + boxed
