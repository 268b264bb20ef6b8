"""Rows of the browser: a tab from navigation to a participant that is ready, in real Chromium."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page, Playwright, Request, sync_playwright

from .measure import Line, Reading, Target
from .scale import Run
from .server import Server, settings

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
_ARGUMENTS += ["--disable-sync", "--no-first-run"]
_PATIENCE = 120
# A browser that has just started, or loaded a page, is busy with itself for a while: it keeps what
# it compiled. Neither is part of a navigation. Seconds.
_SETTLED = 1, 4
# The page's module sets `petal`; `load` is the call under way. Milliseconds since navigation.
_READY = """globalThis.petal?.participant
  ? petal.participant.load().then(() => performance.now()) : null"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


class NoChromium(Exception):
    """There is no browser to measure in; the message says what to do."""


def find_chromium() -> str:
    """The browser's path."""
    named = os.environ.get("PETAL_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if not found or not os.access(found, os.X_OK):
        raise NoChromium(
            f"there is no Chromium{f' at {named}' if named else ''}: install it, set "
            "PETAL_CHROMIUM to its path, or leave the rows tab and tab-mask out with --rows"
        )
    return found


@contextmanager
def chromium(playwright: Playwright) -> Iterator[BrowserContext]:
    """A browser with a profile that is as fresh as after installing it, and lasts on disk."""
    with tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=find_chromium(), args=_ARGUMENTS
        )
        try:
            yield context
        finally:
            context.close()


def tab(run: Run) -> list[Line]:
    """A tab from navigation to participant ready, first visit and reload; bytes transferred."""
    served = settings(2410, 1, 3, web={"enable": True})
    first, again, painted = [], [], []
    with Server(served) as server, sync_playwright() as playwright:
        for turn in range(run.scale.tab_repeats):
            run.tell(f"{turn + 1} of {run.scale.tab_repeats}")
            with chromium(playwright) as context:
                page, counter = context.pages[0], Transferred(context)
                time.sleep(_SETTLED[0])
                page.goto(server.url, wait_until="commit")
                first.append(_until_ready(page, counter))
                painted.append(_poll(page, _PAINTED) / 1e3)
                time.sleep(_SETTLED[1])
                page.reload(wait_until="commit")
                again.append(_until_ready(page, counter))
    visible = Reading("page visible, first visit", tuple(painted), "s", "median")
    return [
        Line("tab", visible),
        *_visit_lines("first visit", first, 2.0, 8.5e6),
        *_visit_lines("reload", again, 1.3, 100e3),
    ]


def _until_ready(page: Page, counter: "Transferred") -> tuple[float, float]:
    """Seconds since navigation until the participant is ready, and what that transferred."""
    seconds = _poll(page, _READY) / 1e3
    return seconds, counter.take()


def _visit_lines(visit: str, samples: list[tuple], seconds: float, amount: float) -> list[Line]:
    times, amounts = zip(*samples, strict=True)
    ready = Reading(f"participant ready, {visit}", times, "s", "median")
    moved = Reading(f"bytes transferred, {visit}", amounts, "B", "median")
    return [
        Line("tab", ready, (), Target(at_most=seconds)),
        Line("tab", moved, (), Target(at_most=amount)),
    ]


class Transferred:
    """Counts what the network brought a context, its workers included: headers and bodies, as
    Chromium's own network events tell. What came from the browser's cache counts nothing."""

    def __init__(self, context: BrowserContext):
        self._requests: list[Request] = []
        context.on("requestfinished", lambda request: self._requests.append(request))

    def take(self) -> int:
        """Bytes since the last call."""
        taken, self._requests = self._requests, []
        sizes = [request.sizes() for request in taken]
        return sum(size["responseHeadersSize"] + size["responseBodySize"] for size in sizes)


def _poll(page: Page, expression: str) -> float:
    """The expression's first value that is not null; RuntimeError if there is none for long."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        value = page.evaluate(expression)
        if value is not None:
            return value
        time.sleep(0.005)
    raise RuntimeError(f"the page never came so far as to answer {expression!r}")


ROWS: dict[str, Callable[[Run], list[Line]]] = {"tab": tab}
