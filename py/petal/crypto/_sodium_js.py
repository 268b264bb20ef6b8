"""The backend for Pyodide: libsodium as its author compiled it to WebAssembly.

`web/worker/sodium.js` puts byte arrays in front of the C functions and the bridge registers it
as the module `petal_host` before this file is imported.
"""

import numpy as np
from petal_host import sodium
from pyodide.ffi import to_js

_PUBLIC = 32
_SIGNATURE = 64
_BLOCK = 64
_CHUNK = 1 << 20


def sign_seed_keypair(seed: bytes) -> tuple[bytes, bytes]:
    pair = sodium.signSeedKeypair(to_js(seed)).to_bytes()
    return pair[:_PUBLIC], pair[_PUBLIC:]


def sign_detached(message: bytes, secret: bytes) -> bytes:
    return sodium.signDetached(to_js(message), to_js(secret)).to_bytes()


def verify_signed(signed: bytes, public: bytes) -> bool:
    signature, message = signed[:_SIGNATURE], signed[_SIGNATURE:]
    return sodium.verifyDetached(to_js(signature), to_js(message), to_js(public))


def box_seed_keypair(seed: bytes) -> tuple[bytes, bytes]:
    pair = sodium.boxSeedKeypair(to_js(seed)).to_bytes()
    return pair[:_PUBLIC], pair[_PUBLIC:]


def box_public_key(secret: bytes) -> bytes:
    return sodium.scalarmultBase(to_js(secret)).to_bytes()


def box(message: bytes, nonce: bytes, public: bytes, secret: bytes) -> bytes:
    return sodium.box(to_js(message), to_js(nonce), to_js(public), to_js(secret)).to_bytes()


def seal_open(sealed: bytes, public: bytes, secret: bytes) -> bytes | None:
    opened = sodium.sealOpen(to_js(sealed), to_js(public), to_js(secret))
    return opened.to_bytes() if hasattr(opened, "to_bytes") else None


class chacha20:
    """The key stream of one seed; see `backend.KeyStream`."""

    def __init__(self, seed: bytes):
        self._seed = to_js(seed)
        self._block = 0

    def fill(self, out: np.ndarray) -> None:
        # `assign_to` copies straight from libsodium's heap to numpy's memory.
        for start in range(0, len(out), _CHUNK):
            part = out[start : start + _CHUNK]
            sodium.stream(self._seed, self._block, len(part)).assign_to(part)
            self._block += len(part) // _BLOCK
