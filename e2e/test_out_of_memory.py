"""A tab that runs out of memory: the worker goes, and a new one goes on as the same participant."""

import pytest

from .processes import wait_until

pytestmark = pytest.mark.rehearses_failure
# The page's own participant is not wanted here, so tabs open where there is none.
PLAIN = "/status"
# All that a tab's heap may have, in arrays that nothing is written to.
GREEDY = """
import numpy as np

kept = []

def size():
    return len(kept)

def fill():
    while True:
        kept.append(np.empty(2**31 - 1, np.uint8))

def train(model, round):
    fill()

def crash():
    beyond = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (2,), (2**31 - 1,))
    return beyond.sum()
"""
START = """async (python) => {
  const { Participant } = await import("/petal/petal.js");
  globalThis.warnings = [];
  globalThis.p = new Participant({ train: { python }, persist: "greedy" });
  p.addEventListener("warning", ({ detail }) => warnings.push(detail.message));
  await p.start();
}"""


def failed(page) -> bool:
    return page.evaluate("p.state.kind") == "failed"


def test_a_training_without_memory_ends_the_worker_and_start_goes_on(coordinate, tabs):
    page = tabs(coordinate(sum_prob=0.001).url + PLAIN)
    page.evaluate(START, GREEDY)
    wait_until("it says so", lambda: failed(page))
    assert page.evaluate("p.state.error.name") == "MemoryError"
    assert "Close other tabs and start again" in page.evaluate("p.state.error.message")
    assert "this round is sat out" in " ".join(page.evaluate("warnings"))
    assert not page.evaluate("p.loaded"), "the worker is gone, and its memory"
    assert page.evaluate("p.interrupted()")

    page.evaluate("p.start()")
    assert page.evaluate("p.state.kind") == "running"
    assert page.evaluate("p.call('size')") == 0, "a new worker"


@pytest.mark.parametrize(("function", "name"), [("fill", "MemoryError"), ("crash", "WorkerError")])
def test_a_call_that_breaks_python_down_leaves_nothing_broken(coordinate, tabs, function, name):
    page = tabs(coordinate().url + PLAIN)
    told = page.evaluate(
        """async ([python, name]) => {
          const { Participant } = await import("/petal/petal.js");
          globalThis.p = new Participant({ train: { python } });
          const error = await p.call(name).catch((error) => error);
          return [error.name, error.message, p.state.kind];
        }""",
        [GREEDY, function],
    )
    assert told[0] == name
    assert "start again" in told[1].lower()
    assert told[2] == "failed"
    assert page.evaluate("p.call('size')") == 0
    assert page.evaluate("p.state.kind") == "idle"
