"""The primitives a backend must bring: libsodium's, by libsodium's names.

Two exist: `_pynacl` (CPython) and `_sodium_js` (Pyodide). Each is a module with these functions;
`keys` and `key_stream` are the only callers. Sizes are checked by the callers, before C sees them.
"""

import sys
from collections.abc import Callable
from typing import Protocol

import numpy as np

RandomBytes = Callable[[int], bytes]
"""`random(n)` gives n unpredictable bytes; tests pass a seeded one to replay a round."""


class Backend(Protocol):
    """What a module must offer. All arguments and results are bytes of fixed size."""

    def sign_seed_keypair(self, seed: bytes) -> tuple[bytes, bytes]:
        """Ed25519 (public 32, secret 64) from a 32-byte seed."""

    def sign_detached(self, message: bytes, secret: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `message`."""

    def verify_signed(self, signed: bytes, public: bytes) -> bool:
        """Whether `signed`, a signature and the message after it, is `public`'s."""

    def box_seed_keypair(self, seed: bytes) -> tuple[bytes, bytes]:
        """X25519 (public 32, secret 32) from a 32-byte seed."""

    def box_public_key(self, secret: bytes) -> bytes:
        """The X25519 public key of `secret`."""

    def box(self, message: bytes, nonce: bytes, public: bytes, secret: bytes) -> bytes | None:
        """crypto_box_easy: 16 bytes longer than `message`; None for a key of low order."""

    def seal_open(self, sealed: bytes, public: bytes, secret: bytes) -> bytes | None:
        """crypto_box_seal_open, or None if the box is not for this key."""

    def chacha20(self, seed: bytes) -> "KeyStream":
        """The ChaCha20 key stream of a 32-byte seed, from its first byte on."""


class KeyStream(Protocol):
    """ChaCha20: 20 rounds, a 64-bit counter from 0, a zero 64-bit nonce, key = seed."""

    def fill(self, out: np.ndarray) -> None:
        """Write the next bytes of the stream to `out` (contiguous uint8, length % 64 == 0)."""


def _choose() -> Backend:
    if sys.platform == "emscripten":
        from petal.crypto import _sodium_js as chosen
    else:
        from petal.crypto import _pynacl as chosen
    return chosen


active: Backend = _choose()


def key_stream(seed: bytes) -> KeyStream:
    """The generator behind every mask: the ChaCha20 key stream of a 32-byte seed."""
    if len(seed) != 32:
        raise ValueError(f"a mask seed has 32 bytes, not {len(seed)}")
    return active.chacha20(bytes(seed))
