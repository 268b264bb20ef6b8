"""The round in numbers, for pages and operators."""

from typing import Any

from petal_server.outcome import Outcome
from petal_server.phases import Context, PhaseName

COLLECTING = (PhaseName.SUM, PhaseName.UPDATE, PhaseName.SUM2)


def status(ctx: Context) -> dict[str, Any]:
    """What ``GET /status`` answers; nothing in it tells one participant from another."""
    return {
        "round_id": ctx.state.round_id,
        "phase": ctx.phase.value,
        "counts": {phase.value: _count(ctx, phase, Outcome.ACCEPTED) for phase in COLLECTING},
        "rejected": {phase.value: _count(ctx, phase, Outcome.REJECTED) for phase in COLLECTING},
        "discarded": {phase.value: _count(ctx, phase, Outcome.DISCARDED) for phase in COLLECTING},
        "limits": {phase.value: _limits(ctx, phase) for phase in COLLECTING},
        "admission": "enrolment" if ctx.settings.admission.public_keys else "open",
        "model_id": ctx.board.model_id,
        "last_failure": ctx.last_failure,
    }


def _count(ctx: Context, phase: PhaseName, outcome: Outcome) -> int:
    return ctx.counts[phase][outcome]


def _limits(ctx: Context, phase: PhaseName) -> dict[str, int]:
    count = getattr(ctx.settings.pet, phase.value).count
    return {"min": count.min, "max": count.max}
