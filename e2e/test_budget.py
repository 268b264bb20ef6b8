"""What a visit to the page transfers stays within web/budget.json (bytes, headers included)."""

import json
from pathlib import Path

from playwright.sync_api import BrowserContext, Request

from .processes import wait_until

WEB = Path(__file__).parents[1] / "web"
LOADED = "globalThis.petal?.participant.state.kind === 'idle'"


class Transferred:
    """Adds up Chromium's encodedDataLength of each response of a context, its workers' included;
    what came from the browser's cache counts nothing."""

    def __init__(self, context: BrowserContext):
        self._requests: list[Request] = []
        # Playwright marks its listeners, and a built-in method takes no mark.
        context.on("requestfinished", lambda request: self._requests.append(request))

    def take(self) -> int:
        taken, self._requests[:] = [*self._requests], []
        sizes = [request.sizes() for request in taken]
        return sum(size["responseHeadersSize"] + size["responseBodySize"] for size in sizes)


def test_a_visit_and_a_reload_stay_within_the_budget(browser, coordinate):
    budget = json.loads((WEB / "budget.json").read_text())
    compiled = WEB / "vendor/pyc/python_stdlib.zip.zst"
    assert compiled.is_file(), "web/vendor has only the stock files: run `make vendor`"
    context = browser.new_context()
    try:
        transferred, page = Transferred(context), context.new_page()
        page.goto(coordinate().url)
        wait_until("Python is loaded", lambda: page.evaluate(LOADED))
        first = transferred.take()
        # The worker's downloads are counted, or there would be nothing to hold.
        assert first > compiled.stat().st_size + (WEB / "vendor/pyc/numpy.zip.zst").stat().st_size
        assert first <= budget["first visit"]
        page.reload()
        wait_until("Python is loaded again", lambda: page.evaluate(LOADED))
        assert 0 < transferred.take() <= budget["reload"]
    finally:
        context.close()
