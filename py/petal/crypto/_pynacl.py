"""The backend for CPython: libsodium through PyNaCl, ChaCha20 through OpenSSL.

OpenSSL's ChaCha20 has AVX-512 code and lets go of the interpreter lock; PyNaCl binds no raw
ChaCha20 at all.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from nacl import bindings, exceptions

sign_seed_keypair = bindings.crypto_sign_seed_keypair
box_seed_keypair = bindings.crypto_box_seed_keypair
box_public_key = bindings.crypto_scalarmult_base

_ZEROS = memoryview(bytes(1 << 18))


def sign_detached(message: bytes, secret: bytes) -> bytes:
    return bindings.crypto_sign(message, secret)[: bindings.crypto_sign_BYTES]


def verify_signed(signed: bytes, public: bytes) -> bool:
    try:
        bindings.crypto_sign_open(signed, public)
    except exceptions.BadSignatureError:
        return False
    return True


def box(message: bytes, nonce: bytes, public: bytes, secret: bytes) -> bytes | None:
    try:
        return bindings.crypto_box_easy(message, nonce, public, secret)
    except exceptions.CryptoError:
        return None


def seal_open(sealed: bytes, public: bytes, secret: bytes) -> bytes | None:
    try:
        return bindings.crypto_box_seal_open(sealed, public, secret)
    except exceptions.CryptoError:
        return None


class chacha20:
    """The key stream of one seed; see `backend.KeyStream`."""

    def __init__(self, seed: bytes):
        # OpenSSL takes counter and nonce as one; its carry makes the counter 64 bits wide.
        self._encryptor = Cipher(ChaCha20(seed, bytes(16)), mode=None).encryptor()

    def fill(self, out: np.ndarray) -> None:
        view = memoryview(out)
        for start in range(0, len(view), len(_ZEROS)):
            part = view[start : start + len(_ZEROS)]
            self._encryptor.update_into(_ZEROS[: len(part)], part)
