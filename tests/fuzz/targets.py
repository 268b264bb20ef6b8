"""All targets by name. The first byte of an input chooses one, so that one corpus serves all."""

from functools import cache

from .corpus import examples
from .decoders import DECODERS
from .intake import Coordinators

INTAKE = ("raw", "sealed", "signed", "proven")
NAMES = (*DECODERS, *INTAKE)


@cache
def coordinators() -> Coordinators:
    return Coordinators()


def run(data: bytes) -> None:
    """One input: nothing but the target's own refusals may come of it."""
    if not data:
        return
    name, rest = NAMES[data[0] % len(NAMES)], bytes(data[1:])
    target = DECODERS.get(name) or getattr(coordinators(), name)
    target(rest)


def seeds() -> list[bytes]:
    """The corpus, each example behind the byte that chooses its target."""
    return [bytes([NAMES.index(name)]) + data for name, data in examples()]
