"""Rounds and machines that are short of something: the page says what happens next, and goes on."""

import re

import pytest

from .conftest import CONFIG
from .processes import wait_until

LONELY = CONFIG.replace("max = 10 }}", "max = 2 }}")
NO_SIMD = "WebAssembly.validate = () => false;"


def ready(page):
    wait_until("data is there", lambda: " in this tab" in page.inner_text("#data-note"))
    return page


def test_too_few_participants_are_told_and_the_next_round_goes_through(coordinate, natives, tabs):
    coordinator = coordinate(sum_prob=0.3, config=LONELY)
    page = ready(tabs(coordinator.url))
    page.click("#join")
    failed = r"Round \d+ failed: too few took part in (sum|update) \(\d of [13] within \d+ s\)\."
    said = wait_until("the page says why", lambda: re.search(failed, page.inner_text("#failure")))
    assert "Nothing is lost: the next one follows by itself." in said.string
    page.click(".history summary")
    assert "failed: too few took part" in page.inner_text("#history")
    assert page.evaluate("petal.participant.state.kind") == "running"

    natives(coordinator.url, range(6))
    wait_until("a round goes through", lambda: page.inner_text("#accuracy").endswith("%"))
    wait_until("the failure is over", lambda: page.is_hidden("#failure"))


@pytest.mark.rehearses_failure
def test_a_lost_answer_is_told_and_the_message_counts_once(coordinate, natives, tabs):
    coordinator = coordinate()
    natives(coordinator.url, range(5))
    page = ready(tabs(coordinator.url))
    lost = []

    def lose(route) -> None:
        lost.append(route.fetch().status)  # it arrives; its answer does not
        route.abort()

    page.route("**/message", lose, times=1)
    page.click("#join")
    banner = lambda: page.is_visible("#banner") and page.inner_text("#banner")  # noqa: E731
    said = wait_until("the page says so", lambda: "most likely" in (banner() or "") and banner())
    assert re.fullmatch(
        r"The answer to the (sum|update) message was lost; sent again, it was (rejected|discarded) "
        r"\([a-z_]+\), so most likely it was taken the first time\.",
        said,
    )
    assert lost == [200]
    assert page.evaluate("petal.participant.state.connected")


@pytest.mark.rehearses_failure
def test_a_wheel_that_does_not_load_is_named_and_tried_again(coordinate, browser):
    page = browser.new_page()
    page.route(re.compile(r"/numpy[^/]*\.(whl|zip)"), lambda route: route.fulfill(status=503))
    page.goto(coordinate().url)
    wait_until("the page names it", lambda: "numpy" in page.inner_text("#banner"))
    assert "could not be started" in page.inner_text("#banner")
    page.unroute_all()
    ready(page)
    wait_until("the page is calm again", lambda: page.is_hidden("#banner"))
    page.close()


@pytest.mark.rehearses_failure
def test_a_task_that_does_not_load_is_named_and_tried_again(coordinate, browser):
    page = browser.new_page()
    page.route("**/digits.npz", lambda route: route.fulfill(status=404))
    page.goto(coordinate().url)
    wait_until("the page names it", lambda: "digits.npz answered 404" in page.inner_text("#banner"))
    page.unroute_all()
    ready(page)
    wait_until("the page is calm again", lambda: page.is_hidden("#banner"))
    page.close()


def test_without_simd_the_page_says_so_and_takes_part(coordinate, natives, browser, tabs):
    coordinator = coordinate()
    natives(coordinator.url, range(5))
    page = tabs("about:blank")
    page.add_init_script(NO_SIMD)
    page.goto(coordinator.url)
    assert "masks take longer" in page.inner_text("#slow-note")
    page.click("#join")
    wait_until("its update left", lambda: page.locator("#pairs tr").count() == 8)
    wait_until("a round goes through", lambda: page.inner_text("#accuracy").endswith("%"))


def test_with_simd_nothing_is_said_of_it(coordinate, tabs):
    assert tabs(coordinate().url).is_hidden("#slow-note")
