"""A real Firefox takes part, and so does a tab that its browser has hidden."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from petal.round import Role

from .cast import CONFIG, machine, playing
from .conftest import find_chromium
from .processes import wait_until
from .puppet import Puppet, find_firefox
from .test_reload import JOIN

BLANK = "data:text/html,<title>in front</title>"
COUNT = """() => {
  globalThis.rounds = new Set();
  let seed;
  petal.participant.addEventListener("round", ({ detail }) => (seed = detail.seed));
  petal.participant.addEventListener("message", ({ detail }) => {
    if (detail.outcome === "accepted" && detail.stage !== "sum") rounds.add(seed);
  });
}"""


@pytest.fixture
def puppet(tmp_path) -> Iterator[Callable[[str, str], Puppet]]:
    """Start a browser: `puppet("firefox", path)`; it must not complain."""
    started: list[Puppet] = []

    def start(name: str, executable: str) -> Puppet:
        started.append(Puppet(name, executable, tmp_path / f"profile-{len(started)}"))
        return started[-1]

    yield start
    for each in started:
        try:
            assert each("complaints") == []
        finally:
            each.close()


@pytest.fixture
def coordinator(coordinate):
    return coordinate(sum_prob=0.5, config=CONFIG)


def join(browser: Puppet, coordinator, role: Role) -> int:
    """A tab that takes part in this role, and trains to weights of 1."""
    tab = browser("open", f"{coordinator.url}/petal/petal.js")
    saved = list(machine(coordinator, role).save())
    browser("evaluate", tab, f"({JOIN})([{saved}, false])")
    return tab


def test_a_round_in_firefox(coordinator, puppet):
    """One tab trains, another adds the masks up; both get the global model."""
    browser = puppet("firefox", find_firefox())
    trains, sums = (join(browser, coordinator, role) for role in (Role.UPDATE, Role.SUM))
    with playing(coordinator, *(machine(coordinator, Role.UPDATE) for _ in range(2))):
        model = wait_until("a global model", coordinator.model)[1]
        for tab in (trains, sums):
            got = wait_until("the tab has it", lambda t=tab: browser("evaluate", t, "heard.model"))
            assert got == pytest.approx(float(model[0]))
    np.testing.assert_allclose(model, (1 + 0.25 + 0.5) / 3, atol=1e-6)
    for tab, stages in ((trains, ["update"]), (sums, ["sum", "sum2"])):
        sent = [(m["stage"], m["outcome"]) for m in browser("evaluate", tab, "heard.messages")]
        assert sent[: len(stages)] == [(stage, "accepted") for stage in stages]
        assert browser("evaluate", tab, "heard.warnings") == []


def test_hidden_tabs_go_on_from_round_to_round(coordinate, natives, puppet):
    """The page's own timers stand still when it is hidden; Petal's are in the worker."""
    coordinator = coordinate()
    natives(coordinator.url, range(4))
    browser = puppet("chrome", find_chromium())
    tab = browser("open", coordinator.url)
    browser("evaluate", tab, f"({COUNT})()")
    browser("evaluate", tab, "document.getElementById('join').click()")
    browser("open", BLANK)
    assert browser("evaluate", tab, "document.visibilityState") == "hidden"
    done = lambda: browser("evaluate", tab, "rounds.size")  # noqa: E731
    wait_until("it finishes rounds", lambda: done() >= 2)
    assert browser("evaluate", tab, "document.visibilityState") == "hidden"
    assert browser("evaluate", tab, "petal.participant.state.kind") == "running"
