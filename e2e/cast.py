"""Participants with chosen roles, so that a round waits for exactly the one under test."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator

import httpx
import numpy as np

from petal.client.driver import drive
from petal.client.http import HttpTransport
from petal.crypto import SigningKeyPair
from petal.participant import Machine
from petal.round import Role, sign_tasks
from petal.wire import decode_params

from .processes import Coordinator, wait_until

# Exactly one sum and three update participants, and patience with all of them.
CONFIG = """
[pet.sum]
prob = {sum_prob}
count = {{ min = 1, max = 1 }}
time = {{ min = 0.0, max = 600 }}
[pet.update]
prob = 1.0
count = {{ min = 3, max = 3 }}
time = {{ min = 0.0, max = 600 }}
[pet.sum2]
count = {{ min = 1, max = 1 }}
time = {{ min = 0.0, max = 600 }}
[mask]
bound_type = "B2"
[model]
length = 4000
"""


def machine(coordinator: Coordinator, role: Role, **options) -> Machine:
    """A new participant that has this role in the round under way, and joins."""
    params = decode_params(wait_until("a round", lambda: _params(coordinator)))
    while True:
        keys = SigningKeyPair.generate()
        if sign_tasks(keys, params).role is role:
            return Machine(keys, random=os.urandom, **options)


def _params(coordinator: Coordinator) -> bytes:
    answer = httpx.get(f"{coordinator.url}/params")
    return answer.content if answer.status_code == 200 else b""


@contextlib.contextmanager
def playing(coordinator: Coordinator, *machines: Machine) -> Iterator[None]:
    """The machines take part from threads; the n-th trains to weights of n/4, n from 1."""
    loop = asyncio.new_event_loop()
    tasks = [_play(coordinator.url, each, n / 4) for n, each in enumerate(machines, 1)]

    async def main() -> None:
        await asyncio.gather(*tasks)

    running = loop.create_task(main())
    thread = threading.Thread(target=_run, args=(loop, running))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(running.cancel)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


async def _play(url: str, machine: Machine, weight: float) -> None:
    async def train(_model, params):
        return np.full(params.model_length, weight, np.float32)

    async with HttpTransport(url) as transport:
        await drive(machine, transport, train)
