"""How far the message being sent has come: all that changes from part to part.

A snapshot then holds megabytes of payload; what is written here, before each part, is to be read
on top of the snapshot that was written before the first. A JSON object.
"""

import json

from petal.errors import SnapshotError
from petal.participant.memory import Memory
from petal.participant.transitions import SENDING

_COUNTS = ("message_id", "max_message_size", "part", "restarts")


def encode(memory: Memory) -> bytes:
    """Some hundred bytes without any secret; the state must be one that sends."""
    if memory.state not in SENDING:
        raise ValueError(f"nothing is being sent in {memory.state}")
    text = {name: getattr(memory, name) for name in _COUNTS}
    text |= {"retried": memory.retried, "of": _message_of(memory)}
    return json.dumps(text).encode()


def apply(memory: Memory, progress: bytes) -> None:
    """Bring the memory of a snapshot up to date; SnapshotError where the two do not fit."""
    try:
        text = json.loads(progress)
        counts = {name: text[name] for name in _COUNTS}
        fits = memory.state in SENDING and text["of"] == _message_of(memory)
        retried = text["retried"] is True
    except (KeyError, TypeError, ValueError, RecursionError):
        fits, counts = False, {}
    if not fits or not all(type(count) is int and count >= 0 for count in counts.values()):
        raise SnapshotError("the saved participant and its upload's progress do not fit together")
    for name, count in counts.items():
        setattr(memory, name, count)
    memory.retried = retried
    _check_part(memory)


def _message_of(memory: Memory) -> list:
    return [memory.state, memory.params.seed.hex(), len(memory.payload)]


def _check_part(memory: Memory) -> None:
    parts = len(memory.upload(bytes))  # nothing is sealed here, only counted
    memory.forget_upload()
    if memory.part >= parts:
        raise SnapshotError(f"the saved participant's upload has {parts} parts, not {memory.part}")
