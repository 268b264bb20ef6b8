"""The two functions through which Xaynet's users make participants."""

import threading
from collections.abc import Sequence

from petal.client.async_participant import AsyncParticipant
from petal.client.participant import InternalParticipant, ParticipantABC


def spawn_participant(
    coordinator_url: str,
    participant: type[ParticipantABC],
    args: tuple = (),
    kwargs: dict | None = None,
    state: Sequence[int] | None = None,
    scalar: float = 1.0,
) -> InternalParticipant:
    """Start a participant in a thread that calls `participant(*args, **kwargs)`'s methods.

    `state` is what a participant's `stop` returned, `scalar` its weight in the mean.
    ParticipantInit for a URL that is none, ParticipantRestore for a bad `state`.
    """
    handle = InternalParticipant(coordinator_url, participant, args, kwargs or {}, state, scalar)
    handle.start()
    return handle


def spawn_async_participant(
    coordinator_url: str, state: Sequence[int] | None = None, scalar: float = 1.0
) -> tuple[AsyncParticipant, threading.Event]:
    """Start a participant in a thread; the handle, and an event set by each new global model.

    The event is set in every new round, also while there is no model yet, and cleared by
    `get_global_model`. Otherwise as `spawn_participant`.
    """
    notifier = threading.Event()
    handle = AsyncParticipant(coordinator_url, notifier, state, scalar)
    handle.start()
    return handle, notifier
