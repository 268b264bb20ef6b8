"""Whether the reason that a coordinator gives for a failed round is the right one."""

import re

from petal.wire import Tag

from . import exact
from .record import Record


def explain_failure(
    record: Record, phase: str, name: str, detail: str, when: float, slack: float, faulty: bool
) -> None:
    """Return if this is what happened to the round, else AssertionError.

    `when` is the moment of the failure, give or take `slack`; `faulty` tells whether the
    simulation has made the store fail in this round.
    """
    checks = {
        "timeout": lambda: _timed_out(record, Tag[phase.upper()], detail, when, slack),
        "storage": lambda: faulty and "the simulation made" in detail,
        "ambiguous_masks": lambda: phase == "unmask" and record.elected() is None,
        "unmasking": lambda: phase == "unmask" and _nothing_to_divide_by(record),
    }
    if name not in checks or not checks[name]():
        raise AssertionError(f"round {record.number} failed in {phase}, {name}: {detail}; why?")


def _timed_out(record: Record, tag: Tag, detail: str, when: float, slack: float) -> bool:
    limits, got = record.limits(tag), len(record.accepted[tag])
    late = when - max(record.ends.values(), default=record.began) - limits.time.max
    said = re.fullmatch(r"(\d+) of (\d+) messages after .* s", detail)
    return (
        (int(said[1]), int(said[2])) == (got, limits.count.min)
        and got < limits.count.min
        and late > -slack
        and (late < slack or record.interrupted)
    )


def _nothing_to_divide_by(record: Record) -> bool:
    if record.elected() is None:
        return False
    scalars = exact.scalar_sum(record.unmasked(), len(record.drafts), record.params.mask_config)
    return scalars <= 0
