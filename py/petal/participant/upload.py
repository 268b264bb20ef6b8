"""Sends one message, part by part, and goes on after whatever the network does to it."""

from petal.participant.events import Post, Posted, Unreachable
from petal.participant.memory import TAGS
from petal.participant.notices import Delivered, Progress, Refused, Warning
from petal.participant.stages import Context, Stage, Trouble
from petal.participant.transitions import Outcome
from petal.round import Role

SMALLEST_MESSAGE = 4096
MAX_RESTARTS = 3
# A look at the round parameters every so many parts: a round that is over costs little, and
# thousands of small parts do not cost as many requests again.
PARTS_BETWEEN_CHECKS = 16
_TOO_LARGE = 413


def new_message(ctx: Context, payload: bytes) -> None:
    """Have `payload` sent, under a message id drawn for it."""
    ctx.memory.compose(payload, int.from_bytes(ctx.random(2), "big"))


def _post(ctx: Context) -> Post:
    upload = ctx.memory.upload(ctx.random)
    return Post(upload.sealed(ctx.memory.part), ctx.memory.part, len(upload))


def _posted(ctx: Context, event: Posted | Unreachable) -> Outcome:
    if isinstance(event, Unreachable):
        ctx.memory.retried = True
        raise Trouble(event.reason)
    if event.status == _TOO_LARGE:
        return _smaller(ctx)
    if event.status != 200:
        ctx.memory.retried = True
        raise Trouble(f"the coordinator answered POST /message with status {event.status}")
    if event.receipt and event.receipt.outcome in ("rejected", "discarded"):
        return _refused(ctx, event.receipt.outcome, event.receipt.reason)
    return _taken(ctx, event.receipt.outcome if event.receipt else None)


def _taken(ctx: Context, outcome: str | None) -> Outcome:
    memory = ctx.memory
    total, stage = len(memory.upload(ctx.random)), _stage(ctx)
    memory.part += 1
    memory.retried = False
    ctx.tell(Progress(stage, memory.part, total))
    if memory.part < total:
        return Outcome.RECHECK if memory.part % PARTS_BETWEEN_CHECKS == 0 else Outcome.PART
    if outcome == "pending":
        return _again(ctx, "the coordinator lost parts of the message (was it restarted?)")
    memory.sent()
    ctx.tell(Delivered(stage, outcome))
    return Outcome.DELIVERED


def _refused(ctx: Context, outcome: str, reason: str | None) -> Outcome:
    memory, stage = ctx.memory, _stage(ctx)
    retried = memory.retried and memory.part + 1 == len(memory.upload(ctx.random))
    memory.sent()
    if retried:
        ctx.tell(
            Warning(
                f"the answer to the {stage} message was lost; sent again, it was {outcome} "
                f"({reason}), so most likely it was taken the first time"
            )
        )
        return Outcome.DELIVERED
    ctx.tell(Refused(stage, outcome, reason))
    memory.role = Role.NONE
    return Outcome.REFUSED


def _smaller(ctx: Context) -> Outcome:
    """The coordinator takes no messages of this size: cut the payload into smaller ones."""
    memory = ctx.memory
    largest = min(memory.max_message_size, len(memory.payload))
    if largest <= SMALLEST_MESSAGE:
        return _refused(ctx, "rejected", f"a message of {SMALLEST_MESSAGE} bytes is too large")
    memory.max_message_size = max(SMALLEST_MESSAGE, largest // 2)
    memory.compose(memory.payload, int.from_bytes(ctx.random(2), "big"))
    return Outcome.AGAIN


def _again(ctx: Context, reason: str) -> Outcome:
    memory = ctx.memory
    if memory.restarts == MAX_RESTARTS:
        return _refused(ctx, "rejected", f"{reason}, {MAX_RESTARTS + 1} times in a row")
    ctx.tell(Warning(f"{reason}; sending it again from the start"))
    memory.restarts += 1
    memory.compose(memory.payload, int.from_bytes(ctx.random(2), "big"))
    return Outcome.AGAIN


def _stage(ctx: Context) -> str:
    return TAGS[ctx.memory.state].name.lower()


SENDING = Stage(_post, _posted, (Posted, Unreachable))
