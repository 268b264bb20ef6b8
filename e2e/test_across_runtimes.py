"""A participant saved in a tab goes on in CPython within the same round, and the reverse."""

import asyncio
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from petal.client import HttpTransport, drive
from petal.participant import Delivered, Machine, NewRound, Refused

from .processes import PETAL

# Long enough for participants to change their runtime within a phase.
CONFIG = """
[pet.sum]
prob = {sum_prob}
count = {{ min = 1, max = 100 }}
time = {{ min = 2, max = 5 }}
[pet.update]
prob = 1.0
count = {{ min = 3, max = 100 }}
time = {{ min = 4, max = 15 }}
[pet.sum2]
count = {{ min = 1, max = 100 }}
time = {{ min = 4, max = 15 }}
[mask]
bound_type = "B2"
[model]
length = 2410
[round]
failure_delay = 0.1
"""
TAB = """
import asyncio, os
import numpy as np
from petal.client.browser import BrowserTransport
from petal.client.driver import drive
from petal.crypto import SigningKeyPair
from petal.participant import Delivered, Machine, NewRound, Progress, StateChanged
from petal.round import sign_tasks
from petal.wire import decode_params

def train(model, round):
    return np.full(round.model_length, 0.25, np.float32)

async def in_a_new_round(url, role):
    '''A participant that has this role in a round that has just begun.'''
    transport, first = BrowserTransport(url), None
    while True:
        answer = await transport.fetch("GET", "params", {}, None, 4096)
        if first not in (None, answer.body):
            break
        first = answer.body
        await asyncio.sleep(0.1)
    params = decode_params(answer.body)
    keys = SigningKeyPair.generate()
    while sign_tasks(keys, params).role != role:
        keys = SigningKeyPair.generate()
    return Machine(keys, random=os.urandom, max_message_size=4096)

async def save_at(url, moments):
    '''The snapshots of participants at these moments of one round.'''
    return await asyncio.gather(*(save_one(url, role, moment) for role, moment in moments))

async def save_one(url, role, moment):
    '''The snapshot at that moment: a state, or the middle of an upload.'''
    machine = await in_a_new_round(url, role)
    saved = []
    def observe(notice):
        middle = isinstance(notice, Progress) and notice.done == 2 < notice.total
        if machine.state == moment or (middle and moment == "mid-upload"):
            saved.append(machine.save())
            task.cancel()
    task = asyncio.ensure_future(drive(machine, BrowserTransport(url), train, observe))
    try:
        await task
    except asyncio.CancelledError:
        pass
    return saved[0].hex()

async def finish(url, saved):
    '''What becomes of its messages until it has sent the last one of this round.'''
    machine, told = Machine.restore(bytes.fromhex(saved), random=os.urandom), []
    def observe(notice):
        told.append(str(notice))
        if isinstance(notice, (Delivered, NewRound)):
            task.cancel()
    task = asyncio.ensure_future(drive(machine, BrowserTransport(url), train, observe))
    try:
        await task
    except asyncio.CancelledError:
        pass
    return told
"""
ENDINGS = (Delivered, NewRound, Refused)
START = """async (tab) => {
  const { Participant } = await import("/petal/petal.js");
  window.moved = new Participant({ train: { python: tab } });
  await window.moved.load();
}"""


@pytest.fixture
def tab(coordinate, tabs):
    """A coordinator with rounds going on, and a tab that runs TAB."""
    coordinator = coordinate(config=CONFIG)
    page = tabs.plain(coordinator.url)
    page.evaluate(START, TAB)
    crowd = subprocess.Popen(
        [*PETAL, "test-drive", "-n", "12", "-u", coordinator.url], stdout=subprocess.DEVNULL
    )
    yield coordinator.url, lambda *call: page.evaluate("(call) => moved.call(...call)", list(call))
    crowd.terminate()
    crowd.wait(15)


def train(model, params):
    return np.full(params.model_length, 0.25, np.float32)


def finish_here(url, machine):
    """Drive it until its next message is delivered; all notices."""
    notices = []

    async def main():
        def observe(notice):
            notices.append(notice)
            if isinstance(notice, ENDINGS):
                task.cancel()

        async with HttpTransport(url) as transport:
            task = asyncio.create_task(drive(machine, transport, train, observe))
            await asyncio.wait([task], timeout=30)

    asyncio.run(main())
    return notices


MOMENTS = {
    "training": ("update", "update"),
    "awaiting_sums": ("update", "update"),
    "mid-upload": ("update", "update"),
    "awaiting_seeds": ("sum", "sum2"),
}


def from_tab_to_here(url, call, moments):
    """What becomes of participants that were saved in the tab at these moments of a round."""
    saved = call("save_at", url, [[MOMENTS[moment][0], moment] for moment in moments])
    machines = [Machine.restore(bytes.fromhex(each), random=os.urandom) for each in saved]
    assert [machine.save().hex() for machine in machines] == saved
    # Playwright's own event loop occupies this thread.
    with ThreadPoolExecutor(len(machines)) as threads:
        finished = threads.map(partial(finish_here, url), machines)
    ended = [[each for each in notices if isinstance(each, ENDINGS)] for notices in finished]
    return dict(zip(moments, ended, strict=True))


def from_here_to_tab(url, call):
    # Made in the tab only so that it has the role.
    [saved] = call("save_at", url, [["update", "training"]])
    restored = Machine.restore(bytes.fromhex(saved), random=os.urandom)
    return call("finish", url, restored.save().hex())


def in_time(told) -> bool:
    """Whether the round did not end before a slow machine had moved."""
    return not any(str(notice).startswith("new round") for notice in told)


ATTEMPTS = 6


def test_a_participant_goes_on_in_cpython_within_a_round(tab):
    left = list(MOMENTS)
    for _ in range(ATTEMPTS):
        told = from_tab_to_here(*tab, left)
        for moment in filter(lambda moment: in_time(told[moment]), list(left)):
            assert told[moment] == [Delivered(MOMENTS[moment][1], "accepted")], moment
            left.remove(moment)
        if not left:
            return
    raise AssertionError(f"no round was long enough to change the runtime in at {left}")


def test_a_participant_goes_on_in_a_tab_within_a_round(tab):
    told = next(filter(in_time, (from_here_to_tab(*tab) for _ in range(ATTEMPTS))))
    assert "update message accepted" in told
