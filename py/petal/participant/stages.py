"""What every state's work shares: the request it makes and what the answer means."""

from collections.abc import Callable
from dataclasses import dataclass, field

from petal.crypto import RandomBytes
from petal.participant.events import Event, Fetched, Request, Unchanged, Unreachable
from petal.participant.memory import Memory
from petal.participant.notices import Notice
from petal.participant.transitions import Outcome


class Trouble(Exception):
    """The coordinator gave no usable answer; ask again later. Never leaves the machine."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage works with: the memory, the source of randomness, the notices to give."""

    memory: Memory
    random: RandomBytes
    notices: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)


@dataclass(frozen=True, slots=True)
class Stage:
    """One state's work: its request, the events that answer it, and what they mean."""

    request: Callable[[Context], Request]
    receive: Callable[[Context, Event], Outcome]
    answers: tuple[type, ...]


# What other web servers answer: what was asked for is elsewhere, or not known.
_OF_OTHERS = (301, 302, 303, 307, 308, 404)

FETCH_ANSWERS = (Fetched, Unchanged, Unreachable)


def body_of(event: Fetched | Unchanged | Unreachable) -> bytes | None:
    """The body of a 200, None where nothing is there yet (204); Trouble for anything else."""
    if isinstance(event, Unchanged):
        return None
    if isinstance(event, Unreachable):
        raise Trouble(event.reason)
    if event.status == 200:
        return event.body
    if event.status == 204:
        return None
    hint = ". Is this the coordinator's address?" if event.status in _OF_OTHERS else ""
    raise Trouble(
        f"the coordinator answered GET /{event.resource} with status {event.status}{hint}"
    )
