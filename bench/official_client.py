"""The official participant in a process of its own, driven transition by transition.

Started by `official.py`; imports nothing of Petal. Reads one JSON command a line and answers each
with one: `tick()` is one transition of the compiled state machine, timed here, so that neither
Xaynet's Python threads nor its pauses between transitions (100 ms and more) are in the numbers.
"""

import json
import random
import sys
import time

from xaynet_sdk import xaynet_sdk

participant = None


def new(url: str) -> float:
    """A participant with fresh keys."""
    global participant
    participant = xaynet_sdk.Participant(url, 1.0, None)
    return 0.0


def model(length: int) -> float:
    """Give it a local model; the seconds its conversion to big rationals takes."""
    weights = [random.uniform(-1, 1) for _ in range(length)]
    begun = time.perf_counter()
    participant.set_model(weights)
    return time.perf_counter() - begun


def tick() -> float:
    """The seconds that the next transition takes."""
    begun = time.perf_counter()
    participant.tick()
    return time.perf_counter() - begun


COMMANDS = {"new": new, "model": model, "tick": tick}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(COMMANDS[name](*arguments)), flush=True)
