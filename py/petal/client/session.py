"""Take part with one call."""

import asyncio
import os
import ssl

import numpy as np

from petal.client.driver import Observer, Trainer, drive
from petal.client.enrolment import Enrolment, Source
from petal.client.http import HttpTransport
from petal.crypto import SigningKeyPair
from petal.participant import DEFAULT_MESSAGE_SIZE, GlobalModel, Machine, Notice
from petal.participant.events import Scalar
from petal.privacy import LocalPrivacy


async def participate_async(
    url: str,
    train: Trainer,
    *,
    rounds: int | None = None,
    scalar: Scalar = 1,
    observer: Observer | None = None,
    max_message_size: int = DEFAULT_MESSAGE_SIZE,
    privacy: LocalPrivacy | None = None,
    verify: ssl.SSLContext | bool = True,
    enrolment: Source | None = None,
) -> np.ndarray | None:
    """Take part in the rounds of the coordinator at `url`; the last global model seen.

    `train(model, params)` is given the global model, shape (params.model_length,) in the data
    type's dtype and read-only, or None before there is one; it returns the new weights in the
    same shape and dtype, or (weights, scalar), or None to sit the round out. A plain function
    runs in a thread. `rounds` is how many rounds to see to their end, None for no end;
    `scalar` is this participant's weight in the mean, for instance its number of samples within
    the masking configuration's bound; `observer` is given every notice (`petal.participant`).
    `privacy` clips and noises every update (`petal.privacy`); its budget lasts for this call.

    A coordinator that admits only enrolled participants gets a token from
    `enrolment(public_key)`, which may be a coroutine; every call of this function is a new
    participant with a new key (32 bytes). EnrolmentError if it does not admit this one.

    A coordinator that is down is waited for. ValueError for a URL or numbers that make no sense.
    """
    last: list[np.ndarray | None] = [None]

    def observe(notice: Notice) -> None:
        if isinstance(notice, GlobalModel):
            last[0] = notice.weights
        if observer:
            observer(notice)

    machine = Machine(
        SigningKeyPair.generate(),
        random=os.urandom,
        scalar=scalar,
        rounds=rounds,
        max_message_size=max_message_size,
        privacy=privacy,
    )
    enrolled = Enrolment(enrolment, machine.public_key)
    async with HttpTransport(url, verify=verify) as transport:
        await drive(machine, transport, train, observe, enrolment=enrolled)
    return last[0]


def participate(url: str, train: Trainer, **options) -> np.ndarray | None:
    """`participate_async`, blocking; RuntimeError in an event loop, which a notebook has."""
    if _has_loop():
        raise RuntimeError(
            "participate() would stop the event loop that runs here, as it does in a notebook: "
            "use `await participate_async(...)` instead"
        )
    return asyncio.run(participate_async(url, train, **options))


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
