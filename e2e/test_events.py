"""The page hears of phases and counts as they come, and asks where there is nobody to hear from."""

import pytest

from .conftest import CONFIG
from .processes import wait_until

HEAR = """() => {
  window.phases = [];
  petal.participant.addEventListener("phase", ({ detail }) => phases.push(detail));
}"""


def seen(page) -> list[dict]:
    return [each for each in page.evaluate("phases") if each["reachable"]]


def test_one_tab_follows_the_events_and_the_others_ask(coordinate, natives, record, tabs):
    coordinator = coordinate()
    tap = record(coordinator.port)
    page = tabs(tap.url)
    page.evaluate(HEAR)
    wait_until("the stream is open", lambda: b"GET /events" in tap.sent)
    asked = tap.sent.count(b"GET /status")
    natives(coordinator.url, range(5))
    wait_until(
        "every phase is heard of",
        lambda: {"sum", "update", "sum2"} <= {each["phase"] for each in seen(page)},
    )
    assert any(each["counts"]["update"] for each in seen(page))
    # A look now and then, after ten seconds of silence at the soonest, and no more.
    assert tap.sent.count(b"GET /status") - asked <= 2

    second = page.context.new_page()
    before = tap.sent.count(b"GET /status")
    second.goto(tap.url)
    wait_until("it asks", lambda: tap.sent.count(b"GET /status") >= before + 3)
    wait_until("it shows the round", lambda: second.inner_text("#round-number").isdigit())


@pytest.mark.rehearses_failure
def test_without_events_the_page_asks(coordinate, browser):
    coordinator = coordinate(config=CONFIG.replace("max = 5 ", "max = 1 "))  # rounds come and go
    page = browser.new_page()
    page.route("**/events", lambda route: route.fulfill(status=404))
    page.goto(coordinator.url)
    page.evaluate(HEAR)
    wait_until("three answers", lambda: len(seen(page)) >= 3)
    page.close()


@pytest.mark.rehearses_failure
def test_after_a_restart_the_events_go_on(coordinate, record, tabs):
    coordinator = coordinate()
    page = tabs(coordinator.url)
    page.evaluate(HEAR)
    wait_until("it is heard of", lambda: seen(page))
    coordinator.program.stop()
    wait_until("the page says so", lambda: "cannot be reached" in page.inner_text("#banner"))
    coordinator.restart()
    wait_until("the page is calm again", lambda: page.is_hidden("#banner"))
