"""A tab that runs out of memory: the worker goes, and a new one goes on as the same participant."""

import pytest

from .conftest import CONFIG
from .processes import ROOT, wait_until

pytestmark = pytest.mark.rehearses_failure
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
    # Nobody sums, and the round waits: it does not train a second time.
    one_round = CONFIG.replace("max = 5 ", "max = 600 ")
    page = tabs.plain(coordinate(sum_prob=0.001, config=one_round).url)
    page.evaluate(START, GREEDY)
    wait_until("it says so", lambda: failed(page))
    assert page.evaluate("p.state.error.name") == "MemoryError"
    assert "Close other tabs, then start again" in page.evaluate("p.state.error.message")
    assert "this round is sat out" in " ".join(page.evaluate("warnings"))
    assert not page.evaluate("p.loaded"), "the worker is gone, and its memory"
    assert page.evaluate("p.interrupted()")

    page.evaluate("p.start()")
    assert page.evaluate("p.state.kind") == "running"
    assert page.evaluate("p.call('size')") == 0, "a new worker"


def test_a_call_that_breaks_python_down_leaves_nothing_broken(coordinate, tabs):
    page = tabs.plain(coordinate().url)
    name, message, state = page.evaluate(
        """async (python) => {
          const { Participant } = await import("/petal/petal.js");
          globalThis.p = new Participant({ train: { python } });
          const error = await p.call("crash").catch((error) => error);
          return [error.name, error.message, p.state.kind];
        }""",
        GREEDY,
    )
    assert name == "WorkerError"
    assert "Start again" in message
    assert state == "failed"
    assert page.evaluate("p.call('size')") == 0
    assert page.evaluate("p.state.kind") == "idle"


HUNGRY = """

def train(model, shard, seed):
    hoard = [np.empty(2**31 - 1, np.uint8) for _ in range(3)]
"""


def test_the_page_goes_on_with_the_visitors_files_but_not_in_circles(coordinate, tabs):
    coordinator = coordinate(config=CONFIG.replace("2410", "266"), sum_prob=0.001)
    page = tabs("about:blank")
    module = (ROOT / "web/demo/tasks/cancer/cancer.py").read_text()
    served = [module + HUNGRY] * 2
    page.route("**/cancer.py", lambda route: route.fulfill(body=served.pop() if served else module))
    page.goto(coordinator.url)
    wait_until("data is there", lambda: " in this tab" in page.inner_text("#data-note"))
    page.click("#try-sample")
    wait_until("the file counts", lambda: page.inner_text("#data-note").startswith("456 rows"))

    page.click("#join")
    banner = lambda: page.inner_text("#banner") if page.is_visible("#banner") else ""  # noqa: E731
    wait_until("it says what happened", lambda: "ran out of memory" in banner())
    assert "goes on by itself" in banner()
    wait_until("it broke down again", lambda: "Press “Join the training”" in banner())
    assert "goes on by itself" not in banner()
    wait_until("Python is there again", lambda: page.is_enabled("#join"))
    assert page.inner_text("#data-note").startswith("456 rows")
    assert page.is_checked("#use-own")
    assert page.inner_text("#own-counts").startswith("To train on: 456")

    page.click("#join")
    wait_until("it trains on the file", lambda: page.evaluate("petal.participant.call('newest')"))
    assert page.inner_text("#data-note").startswith("456 rows")
    assert page.locator("#banner .stopped").count() == 0
