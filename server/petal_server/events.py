"""What happens in the coordinator, told to whoever listens: metrics, event streams, waiting polls.

Listeners are called at once and must not block. One that raises is logged and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:  # Phases import this module.
    from petal_server.outcome import Receipt
    from petal_server.phases.names import FailureName, PhaseName

log = structlog.get_logger("petal.events")


@dataclass(frozen=True)
class PhaseStarted:
    """A phase begins; the board shows what is public in it."""

    round_id: int
    phase: PhaseName


@dataclass(frozen=True)
class PhaseEnded:
    """A phase is over, whether it worked or not, after so many seconds."""

    round_id: int
    phase: PhaseName
    seconds: float


@dataclass(frozen=True)
class RoundFailed:
    """The round is given up in this phase."""

    round_id: int
    phase: PhaseName
    reason: FailureName


@dataclass(frozen=True)
class MessageHandled:
    """A message, or one part of it, got its receipt so many seconds after it had arrived."""

    round_id: int
    phase: PhaseName
    receipt: Receipt
    seconds: float


@dataclass(frozen=True)
class MasksCounted:
    """The sum participants voted for so many different masks; one is as it should be."""

    round_id: int
    masks: int


@dataclass(frozen=True)
class ModelNotTaken:
    """The trust anchor refused the round's model, or did not answer."""

    round_id: int
    model_id: str


@dataclass(frozen=True)
class ModelPublished:
    """The round has a global model: the mean of so many updates."""

    round_id: int
    model_id: str
    updates: int


Event = (
    PhaseStarted
    | PhaseEnded
    | RoundFailed
    | MessageHandled
    | MasksCounted
    | ModelNotTaken
    | ModelPublished
)
Listener = Callable[[Event], None]


class Events:
    """Passes each event to all listeners, in the order in which they came."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every event from now on."""
        self._listeners.append(listener)

    def tell(self, event: Event) -> None:
        """Pass ``event`` on."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:
                log.error("a listener failed", happened=type(event).__name__, exc_info=error)
