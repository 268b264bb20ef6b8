"""Where the fuzzer starts: one whole example of each kind, from the golden vectors."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np

from petal.crypto import SigningKeyPair
from petal.participant import Machine
from petal.participant.snapshot import MAGIC
from petal.privacy import LocalPrivacy
from petal.wire import EnrolmentToken

from ..py.participant.world import Coordinator, Party, machine

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "wire.json").read_text())
_SIGNATURES = {"sum": 64, "update": 128, "sum2": 64}


def examples() -> list[tuple[str, bytes]]:
    """(target's name, bytes) of each kind that there is."""
    found = []
    for kind, case in VECTORS["messages"].items():
        payload, message = bytes.fromhex(case["payload"]), bytes.fromhex(case["message"])
        found += [(kind, payload), ("message", message), ("sealed", message)]
        found += [("signed", b"\0" + payload), ("proven", payload[_SIGNATURES[kind] :])]
    found += [("raw", b""), ("mask_object", bytes.fromhex(VECTORS["mask_object"]))]
    for name in ("params", "sums", "seeds", "model"):
        found.append((name, bytes.fromhex(VECTORS["rest"][name]["bincode"])))
    found.append(("global_model", bytes.fromhex(VECTORS["rest"]["model"]["bincode"])))
    found.append(("global_model", _npy(np.arange(4, dtype="<f4"))))
    parts = [bytes.fromhex(message)[136:] for message in VECTORS["multipart"][1]["messages"]]
    found += [("chunk", part) for part in parts]
    found += [("signed", b"\1" + part) for part in parts]
    found.append(("chunks", b"".join(bytes([len(part)]) + part for part in parts)))
    keys = SigningKeyPair.from_seed(bytes.fromhex(VECTORS["participant"]["seed"]))
    found.append(("snapshot", Machine(keys, random=bytes).save()))
    privacy = LocalPrivacy.for_updates(3, clip=1, epsilon=8)
    found.append(("snapshot", Machine(keys, random=bytes, privacy=privacy).save()))
    saved = [data for name, data in found if name == "snapshot"] + _participants()
    found += [("snapshot_inside", data[len(MAGIC) : -32]) for data in saved]
    token = EnrolmentToken.issue(keys, keys.public, 2_000_000_000)
    found.append(("enrolment", str(token).encode()))
    return found


def _participants() -> list[bytes]:
    """As they are saved on their way through a round, in every state of it."""
    world = Coordinator(length=3)
    parties = [Party(number, machine(number)) for number in range(6)]
    saved = {}
    for _ in range(3):
        for party in parties:
            for _ in range(40):
                saved[party.machine.state, party.machine.role] = party.machine.save()
                party.step(world)
        world.next_phase()
    return [*saved.values()]


def _npy(array: np.ndarray) -> bytes:
    out = BytesIO()
    np.save(out, array)
    return out.getvalue()
