"""Real browsers against real coordinators; a test fails on any complaint of either.

Chromium is PETAL_CHROMIUM, or the first that is installed.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .processes import Coordinator, Program, native
from .recorder import Recorder

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
ARGUMENTS += ["--disable-sync", "--no-first-run"]
# The digits' model; phases short enough for a test, long enough for a busy machine.
CONFIG = """
[pet.sum]
prob = {sum_prob}
count = {{ min = 1, max = 100 }}
time = {{ min = 1.0, max = 5 }}
[pet.update]
prob = 1.0
count = {{ min = 3, max = 100 }}
time = {{ min = 1.5, max = 10 }}
[pet.sum2]
count = {{ min = 1, max = 100 }}
time = {{ min = 0.5, max = 10 }}
[mask]
bound_type = "B2"
[model]
length = 2410
[round]
failure_delay = 0.1
"""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "rehearses_failure: errors on the page's console belong to this test"
    )


def find_chromium() -> str:
    """The browser's path; pytest ends with what to do where there is none."""
    named = os.environ.get("PETAL_CHROMIUM")
    if named and not os.access(named, os.X_OK):
        pytest.exit(f"PETAL_CHROMIUM={named} is no program", 1)
    found = named or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not found:
        pytest.exit("No Chromium found: install it, or set PETAL_CHROMIUM to its path", 1)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Tabs:
    """Opens tabs, each in a profile of its own, and listens to what they complain about."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def __call__(self, url: str, **options) -> Page:
        page = self.browser.new_context(**options).new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("console", self._listen)
        page.goto(url)
        self.pages.append(page)
        return page

    def plain(self, url: str) -> Page:
        """A page of that origin, its policy included, on which no participant is yet: the
        coordinator's own page has one, which loads Python too and goes on after a reload."""
        return self(f"{url}/petal/petal.js")

    def _listen(self, message) -> None:
        no_icon = message.location["url"].endswith("/favicon.ico")  # asked for by the browser
        if message.type in ("error", "warning") and not no_icon:
            self.complaints.append(f"console {message.type}: {message.text}")

    def close(self) -> None:
        for page in self.pages:
            page.context.close()


@pytest.fixture
def tabs(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Tabs]:
    tabs = Tabs(browser)
    yield tabs
    tabs.close()
    if not request.node.get_closest_marker("rehearses_failure"):
        assert not tabs.complaints


@pytest.fixture
def coordinate(tmp_path: Path) -> Iterator[Callable[..., Coordinator]]:
    """Start a coordinator; its log must stay free of errors."""
    started: list[Coordinator] = []

    def start(sum_prob: float = 0.3, config: str = CONFIG) -> Coordinator:
        folder = tmp_path / f"coordinator-{len(started)}"
        folder.mkdir()
        started.append(Coordinator(folder, config.format(sum_prob=sum_prob)))
        return started[-1]

    yield start
    for coordinator in started:
        coordinator.program.stop()
        assert not coordinator.complaints()


@pytest.fixture
def natives(tmp_path: Path) -> Iterator[Callable[..., list[Program]]]:
    """Start native participants: `natives(url, parties)`."""
    started: list[Program] = []

    def start(url: str, parties: range) -> list[Program]:
        new = [native(url, party, tmp_path / f"native-{party}.log") for party in parties]
        started.extend(new)
        return new

    yield start
    for program in started:
        program.stop()


@pytest.fixture
def record() -> Iterator[Callable[[int], Recorder]]:
    """Put a wire tap in front of a port."""
    recorders: list[Recorder] = []

    def start(port: int) -> Recorder:
        recorders.append(Recorder(port))
        return recorders[-1]

    yield start
    for recorder in recorders:
        recorder.close()
