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

# Long enough for a participant to change its runtime within a phase.
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

async def save_at(url, role, moment):
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

    # Playwright's own event loop occupies this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, main()).result()
    return notices


MOMENTS = [
    ("update", "training", "update"),
    ("update", "awaiting_sums", "update"),
    ("update", "mid-upload", "update"),
    ("sum", "awaiting_seeds", "sum2"),
]


def within_a_round(move):
    """What `move` tells; again where the round ended before a slow machine had moved."""
    for _ in range(6):
        told = move()
        if not any(str(notice).startswith("new round") for notice in told):
            return told
    raise AssertionError("no round was long enough to change the runtime in")


def from_tab_to_here(url, call, role, moment):
    saved = bytes.fromhex(call("save_at", url, role, moment))
    machine = Machine.restore(saved, random=os.urandom)
    assert machine.save() == saved
    return [notice for notice in finish_here(url, machine) if isinstance(notice, ENDINGS)]


def from_here_to_tab(url, call):
    # Made in the tab only so that it has the role.
    saved = bytes.fromhex(call("save_at", url, "update", "training"))
    return call("finish", url, Machine.restore(saved, random=os.urandom).save().hex())


def test_a_participant_changes_its_runtime_within_a_round(tab):
    url, call = tab
    for role, moment, message in MOMENTS:
        told = within_a_round(partial(from_tab_to_here, url, call, role, moment))
        assert told == [Delivered(message, "accepted")], moment
    assert "update message accepted" in within_a_round(partial(from_here_to_tab, url, call))
