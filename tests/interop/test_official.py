"""Xaynet's own client and ours finish rounds together in our coordinator, and agree on the mean.

Our participants run the very same user's program, on petal.client instead of xaynet_sdk.
"""

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import petal.client
from petal.client import HttpTransport, drive
from petal.crypto import SigningKeyPair
from petal.participant import GlobalModel, Machine, Refused, RoleChosen

from .coordinator import SECONDS, coordinator
from .expected import global_model
from .official_participants import participant_class, scalar_of, weights_of

PROGRAM = Path(__file__).with_name("official_participants.py")
LENGTH = 1000  # more than one 4096-byte message for the official client
OFFICIAL, SAME_PROGRAM, NATIVE = range(4), range(4, 7), range(7, 10)
EVERYBODY = (*OFFICIAL, *SAME_PROGRAM, *NATIVE)
# More rounds than these and something is wrong: each gives both roles to both kinds with 95 %.
MOST_ROUNDS = 12

pytestmark = pytest.mark.official


class Events:
    """What all participants told, official and ours, in the order it came."""

    def __init__(self):
        self.all, self._changed = [], threading.Condition()

    def tell(self, **fields):
        with self._changed:
            self.all.append(fields)
            self._changed.notify_all()

    def read(self, stream):
        for line in stream:
            self.tell(**json.loads(line))

    def models(self, number):
        """The different global models that this participant was given, oldest first."""
        found = []
        for event in self.all:
            mine = event.get("participant") == number and event["event"] == "model"
            if mine and event["model"] is not None and event["model"] not in found:
                found.append(event["model"])
        return found

    def roles(self, numbers):
        return {e["role"] for e in self.all if e["event"] == "role" and e["participant"] in numbers}

    def wait(self, condition, seconds):
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.all[-20:]


def official(url, events, value):
    """The official client's process, its numbers OFFICIAL."""
    command = [sys.executable, PROGRAM, url, "-n", str(len(OFFICIAL)), "--length", str(LENGTH)]
    command += ["--value", str(value), *(["--integers"] if isinstance(value, int) else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    reader = threading.Thread(target=events.read, args=(process.stdout,))
    reader.start()
    return process, reader


def same_program(url, events, value):
    """The official user's program on petal.client, its numbers SAME_PROGRAM."""
    return [
        petal.client.spawn_participant(
            url,
            participant_class(petal.client, events.tell),
            args=(number, LENGTH, value),
            scalar=scalar_of(number),
        )
        for number in SAME_PROGRAM
    ]


class Native(threading.Thread):
    """Our own participants in one event loop, their numbers NATIVE."""

    def __init__(self, url, events, value):
        super().__init__()
        self.url, self.events, self.value = url, events, value
        self.loop, self.task = asyncio.new_event_loop(), None

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.task = self.loop.create_task(self._all())
        try:
            self.loop.run_until_complete(self.task)
        except asyncio.CancelledError:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def _all(self):
        async with HttpTransport(self.url) as transport:
            await asyncio.gather(*(self._one(number, transport) for number in NATIVE))

    async def _one(self, number, transport):
        def observe(notice):
            if isinstance(notice, GlobalModel):
                model = None if notice.weights is None else notice.weights.tolist()
                self.events.tell(participant=number, event="model", model=model)
            elif isinstance(notice, RoleChosen):
                self.events.tell(participant=number, event="role", role=str(notice.role))
            # On a busy machine a participant may come too late for a phase: that is no fault.
            elif isinstance(notice, Refused) and notice.reason != "wrong_phase":
                self.events.tell(participant=number, event="refused", message=str(notice))

        async def train(_model, params):
            dtype = params.mask_config.vect.data.dtype
            return np.array(weights_of(number, LENGTH, self.value), dtype)

        keys = SigningKeyPair.generate()
        machine = Machine(
            keys, random=np.random.default_rng().bytes, scalar=scalar_of(number),
            max_message_size=4096,
        )  # fmt: skip
        await drive(machine, transport, train, observe)

    def stop(self):
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.join(SECONDS)


@pytest.mark.parametrize(
    ("masking", "value"),
    [("Prime/F32/B0/M3", 0.625), ("Integer/F64/B2/M6", 40.5), ("Power2/I32/B4/M3", 9000)],
)
def test_official_and_our_participants_agree(masking, value, tmp_path):
    events = Events()
    with coordinator(tmp_path, masking, LENGTH, time=0.8) as running:
        process, reader = official(running.url, events, value)
        native = Native(running.url, events, value)
        native.start()
        handles = same_program(running.url, events, value)
        try:
            wait_for_both_roles(events)
        finally:
            for handle in handles:
                handle.stop()
            native.stop()
            process.stdin.close()
            code = process.wait(SECONDS)
            reader.join(SECONDS)
            process.stdout.close()
    assert code == 0
    assert not [e for e in events.all if e["event"] in ("error", "log", "refused")]
    check_models(events, running, value, masking)
    assert not serious(running.log)


def wait_for_both_roles(events):
    """At least two rounds, and more until official and native participants have had both roles."""
    for rounds in range(2, MOST_ROUNDS):
        events.wait(lambda n=rounds: len(events.models(OFFICIAL[0])) >= n, SECONDS)
        kinds = (OFFICIAL, NATIVE)
        if all({"sum", "update"} <= events.roles(kind) for kind in kinds):
            break
    else:
        raise AssertionError(f"no {MOST_ROUNDS} rounds gave both roles to both kinds")
    last = events.models(OFFICIAL[0])
    events.wait(lambda: all(last[-1] in events.models(n) for n in EVERYBODY), SECONDS)


def check_models(events, running, value, masking):
    """Each model is the weighted mean of exactly the participants whose weights are in it."""
    counts = [line["updates"] for line in running.events("global model")]
    models = {tuple(model) for number in EVERYBODY for model in events.models(number)}
    assert len(models) >= 2
    contributors = set()
    for model in models:
        numbers = [number for number, weight in enumerate(model) if weight]
        assert len(numbers) in counts
        expected = global_model(numbers, LENGTH, value, masking)
        np.testing.assert_array_equal(np.array(model, expected.dtype), expected)
        contributors.update(numbers)
    for kind in (OFFICIAL, SAME_PROGRAM, NATIVE):
        assert contributors & set(kind)


def serious(log):
    """What no coordinator should log here; the lot may give a round too few of a role."""
    complaints = [line for line in log if line["level"] in ("warning", "error")]
    return [
        line
        for line in complaints
        if line.get("reason") != "timeout" or line["phase"] not in ("sum", "update")
    ]
