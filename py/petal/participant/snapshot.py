"""Writes a participant down and takes it up again, on any machine and in either runtime.

Layout: magic 8, version u16, length of the JSON u32 (both big-endian), JSON, blobs, SHA-256 of
all before it. The JSON holds the small values, and under "blobs" the name and length of each
byte string and array that follows. Exact: what is read encodes back to the same bytes.
"""

import hashlib
import json
import math
from fractions import Fraction

import numpy as np

from petal.crypto import SEED_SIZE, SIGNATURE_SIZE, SigningKeyPair
from petal.errors import DecodeError, PrivacyError, SnapshotError
from petal.participant.memory import Memory
from petal.participant.transitions import SENDING, State
from petal.privacy import Account, LocalPrivacy
from petal.round import Role
from petal.wire import decode_dictionary, decode_params, encode_dictionary, encode_params

MAGIC = b"PETALSNP"
VERSION = 2  # 1 where updates are not noised, for versions that know no other
_HEAD = len(MAGIC) + 2 + 4
_CHECKSUM = 32

_NUMBERS = ("max_message_size", "ended", "part", "restarts")
_OPTIONAL_NUMBERS = ("rounds", "message_id")
_SCALARS = ("scalar", "weights_scalar")
_BYTES = (
    "sum_signature",
    "update_signature",
    "ephemeral_key",
    "noise_seed",
    "mask_seed",
    "payload",
)
_SETTINGS = ("clip", "noise_multiplier", "epsilon", "delta")
_ARRAYS = ("model", "weights")
_SIZES = {
    "sum_signature": SIGNATURE_SIZE,
    "update_signature": SIGNATURE_SIZE,
    "ephemeral_key": SEED_SIZE,
    "noise_seed": SEED_SIZE,
    "mask_seed": SEED_SIZE,
}

# What a state cannot go on without.
_NEEDS: dict[State, tuple[str, ...]] = {
    State.AWAITING_SUMS: ("weights", "weights_scalar", "update_signature"),
    State.MASKING: ("weights", "weights_scalar", "sums", "mask_seed", "update_signature"),
    State.AWAITING_SEEDS: ("ephemeral_key", "sum_signature"),
    State.SUMMING_MASKS: ("seeds", "sum_signature"),
} | dict.fromkeys(SENDING, ("payload", "message_id"))


def encode(memory: Memory) -> bytes:
    """The snapshot. It holds the participant's secret keys and local model."""
    blobs = _blobs(memory)
    text = {name: getattr(memory, name) for name in (*_NUMBERS, *_OPTIONAL_NUMBERS)}
    text |= {name: _scalar_text(getattr(memory, name)) for name in _SCALARS}
    text |= {"state": memory.state, "role": memory.role, "retried": memory.retried}
    text["blobs"] = [[name, len(blob)] for name, blob in blobs.items()]
    if memory.privacy is not None:
        text["privacy"] = _account_text(memory.privacy)
    header = json.dumps(text, sort_keys=True, separators=(",", ":")).encode()
    version = 1 if memory.privacy is None else VERSION
    head = MAGIC + version.to_bytes(2, "big") + len(header).to_bytes(4, "big")
    body = b"".join((head, header, *blobs.values()))
    return body + hashlib.sha256(body).digest()


def decode(saved: bytes) -> Memory:
    """The memory that `encode` wrote; SnapshotError if foreign, damaged or newer."""
    saved = bytes(saved)
    _check_outside(saved)
    try:
        memory = _read(saved)
    except (
        KeyError,
        TypeError,
        ValueError,
        ArithmeticError,
        RecursionError,
        DecodeError,
        PrivacyError,
    ):
        # The checksum was right, so somebody wrote this on purpose; say no more than that.
        raise SnapshotError("the saved participant is inconsistent in itself") from None
    if encode(memory) != saved:
        raise SnapshotError("the saved participant does not encode back to the same bytes")
    return memory


def _check_outside(saved: bytes) -> None:
    if not saved.startswith(MAGIC):
        raise SnapshotError("these bytes are not a saved Petal participant")
    version = int.from_bytes(saved[len(MAGIC) : len(MAGIC) + 2], "big")
    if version > VERSION:
        raise SnapshotError(
            f"saved by a newer Petal (version {version} of the format; this one reads up to "
            f"{VERSION}): update Petal"
        )
    damaged = hashlib.sha256(saved[:-_CHECKSUM]).digest() != saved[-_CHECKSUM:]
    if version < 1 or len(saved) < _HEAD + _CHECKSUM or damaged:
        raise SnapshotError("the saved participant is damaged: its checksum is wrong")


def _read(saved: bytes) -> Memory:
    start = _HEAD + int.from_bytes(saved[_HEAD - 4 : _HEAD], "big")
    text = json.loads(saved[_HEAD:start])
    blobs, rest = {}, saved[start:-_CHECKSUM]
    for name, size in text["blobs"]:
        blobs[name], rest = rest[:size], rest[size:]
    memory = Memory(
        keys=SigningKeyPair.from_seed(blobs["keys"]),
        scalar=_scalar(text["scalar"]),
        max_message_size=_number(text["max_message_size"]),
        rounds=_optional_number(text["rounds"]),
        state=State(text["state"]),
        privacy=_account(text.get("privacy")),
    )
    _read_round(memory, text, blobs)
    _check_complete(memory)
    return memory


def _read_round(memory: Memory, text: dict, blobs: dict[str, bytes]) -> None:
    memory.ended, memory.part = _number(text["ended"]), _number(text["part"])
    memory.restarts, memory.retried = _number(text["restarts"]), text["retried"] is True
    memory.message_id = _optional_number(text["message_id"])
    memory.role = None if text["role"] is None else Role(text["role"])
    memory.weights_scalar = _scalar(text["weights_scalar"])
    if "params" in blobs:
        memory.params = decode_params(blobs["params"])
    if "sums" in blobs:
        memory.sums = decode_dictionary(blobs["sums"], SEED_SIZE)
    if "seeds" in blobs:
        memory.seeds = _seeds(blobs["seeds"])
    for name in set(_BYTES) & set(blobs):
        if len(blobs[name]) != _SIZES.get(name, len(blobs[name])):
            raise ValueError(name)
        setattr(memory, name, blobs[name])
    for name in set(_ARRAYS) & set(blobs):
        setattr(memory, name, _array(blobs[name], memory))


def _seeds(joined: bytes) -> tuple[bytes, ...]:
    if len(joined) % SEED_SIZE:
        raise ValueError("a seed that is too short")
    return tuple(joined[i : i + SEED_SIZE] for i in range(0, len(joined), SEED_SIZE))


def _array(blob: bytes, memory: Memory) -> np.ndarray:
    if memory.params is None:
        raise ValueError("a model without a round")
    found = np.frombuffer(blob, memory.params.mask_config.vect.data.dtype)
    if len(found) != memory.params.model_length:
        raise ValueError("a model of another length than the round's")
    return found


def _check_complete(memory: Memory) -> None:
    needs = _NEEDS.get(memory.state, ())
    if memory.state not in (State.JOINING, State.FINISHED):
        needs = ("params", "role", *needs)
    if memory.privacy is not None and memory.state in (State.AWAITING_SUMS, State.MASKING):
        needs = ("noise_seed", *needs)
    if any(getattr(memory, name) is None for name in needs):
        raise ValueError("something this state needs is missing")
    # Nothing is sealed here, only counted: any source of randomness does.
    if memory.state in SENDING and memory.part >= len(memory.upload(bytes)):
        raise ValueError("no such part")
    memory.forget_upload()


def _blobs(memory: Memory) -> dict[str, bytes]:
    blobs = {"keys": memory.keys.seed}
    if memory.params is not None:
        blobs["params"] = encode_params(memory.params)
    if memory.sums is not None:
        blobs["sums"] = encode_dictionary(memory.sums)
    if memory.seeds is not None:
        blobs["seeds"] = b"".join(memory.seeds)
    present = {name: getattr(memory, name) for name in (*_BYTES, *_ARRAYS)}
    blobs |= {name: bytes(value) for name, value in present.items() if value is not None}
    return blobs


def _account_text(account: Account) -> dict:
    settings = {name: _scalar_text(getattr(account.settings, name)) for name in _SETTINGS}
    return settings | {"rho": _scalar_text(account.rho), "updates": account.updates}


def _account(text: dict | None) -> Account | None:
    if text is None:
        return None
    settings = LocalPrivacy(*(_scalar(text[name]) for name in _SETTINGS))
    rho = float(_scalar(text["rho"]))
    if not 0 <= rho < math.inf:
        raise ValueError("a cost that is none")
    return Account(settings, rho, _number(text["updates"]))


def _scalar_text(scalar: int | float | Fraction | None) -> str | None:
    """Exact, whatever the type: floats in hexadecimal."""
    if scalar is None:
        return None
    return scalar.hex() if isinstance(scalar, float) else str(scalar)


def _scalar(text: str | None) -> int | float | Fraction | None:
    if text is None:
        return None
    if "x" in text:
        return float.fromhex(text)
    return Fraction(text) if "/" in text else int(text)


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a count")
    return value


def _optional_number(value: object) -> int | None:
    return None if value is None else _number(value)
