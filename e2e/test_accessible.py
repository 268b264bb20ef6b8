"""axe-core finds nothing wrong with the page: light, dark, on a phone, for both kinds of task."""

import pytest

from . import axe
from .conftest import CONFIG
from .processes import wait_until

CANCER = CONFIG.replace("2410", "266")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (CONFIG, {"color_scheme": "light"}),
        (CONFIG, {"color_scheme": "dark", **PHONE}),
        (CANCER, {"color_scheme": "dark"}),
        (CANCER, {"color_scheme": "light", **PHONE}),
    ],
    ids=["digits", "digits-dark-phone", "cancer-dark", "cancer-phone"],
)
def test_axe_finds_no_violation(coordinate, tabs, config, options):
    coordinator = coordinate(config=config)
    page = tabs(coordinator.url, **options)
    assert axe.violations(page) == []  # while it loads
    wait_until("data is there", lambda: " in this tab" in page.inner_text("#data-note"))
    page.click("#join")
    wait_until("it takes part", lambda: page.inner_text("#join") == "Stop")
    for summary in page.locator("summary:visible").all():
        summary.click()
    if config == CANCER:
        page.click("#try-sample")
        wait_until("the file is read", lambda: "To train on" in page.inner_text("#own-counts"))
    else:
        page.click("#labels button")  # nothing is drawn: a banner says so
        wait_until("a hint", lambda: "Draw a digit" in page.inner_text("#banner"))
    assert axe.violations(page) == []
    page.click("#join")
    wait_until("it has left", lambda: page.inner_text("#join") == "Join the training")
    assert axe.violations(page) == []


def test_axe_finds_what_is_wrong(tabs):
    page = tabs("about:blank")
    page.set_content("<main><button></button><img src='data:,'></main>")
    assert {line.split(":")[0] for line in axe.violations(page)} >= {"button-name", "image-alt"}
