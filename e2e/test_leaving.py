"""Leaving and going on: snapshots, pauses, an AbortSignal, several tabs, no storage."""

import json

import numpy as np
import pytest
from playwright.sync_api import Browser

from petal.round import Role

from .cast import CONFIG, machine, playing
from .conftest import ARGUMENTS, find_chromium
from .processes import wait_until
from .test_reload import calm, join, stage

KIND = "globalThis.p?.state.kind"


@pytest.fixture
def coordinator(coordinate):
    return coordinate(sum_prob=0.5, config=CONFIG)


def is_in(page, kind: str):
    wait_until(kind, lambda: page.evaluate(KIND) == kind)


def test_a_snapshot_goes_on_in_another_browser_and_a_pause_holds_it(coordinator, tabs):
    first = tabs.plain(coordinator.url)
    join(first, machine(coordinator, Role.SUM).save(), persist=False)
    wait_until("it is accepted", lambda: first.evaluate("heard.messages.length"))
    saved = first.evaluate("p.stop().then((saved) => Array.from(saved))")
    assert first.evaluate(KIND) == "stopped"

    second = tabs.plain(coordinator.url)
    others = [machine(coordinator, Role.UPDATE) for _ in range(3)]
    join(second, bytes(saved), persist=False)
    wait_until("it waits for seeds", stage(second, "awaiting_seeds"))
    second.evaluate("p.pause()")
    assert second.evaluate(KIND) == "paused"
    with playing(coordinator, *others):
        wait_until("the round waits for it", lambda: coordinator.status()["phase"] == "sum2")
        assert second.evaluate("heard.messages") == []
        assert second.evaluate(KIND) == "paused"
        second.evaluate("p.resume()")
        assert second.evaluate("p.state") == {"kind": "running", "connected": True}
        model = wait_until("a global model", coordinator.model)[1]
    calm(second)
    np.testing.assert_allclose(model, (0.25 + 0.5 + 0.75) / 3, atol=1e-6)


def test_one_participant_in_two_tabs_is_in_one_of_them_at_a_time(coordinator, tabs):
    first = tabs.plain(coordinator.url)
    second = first.context.new_page()
    second.goto(first.url)
    join(first, machine(coordinator, Role.SUM).save())
    join(second)
    assert second.evaluate(KIND) == "standby"
    wait_until("it is accepted", lambda: first.evaluate("heard.messages.length"))
    first.close()
    is_in(second, "running")
    wait_until("it goes on where the other was", stage(second, "awaiting_seeds"))
    third = second.context.new_page()
    third.goto(second.url)
    join(third)
    assert third.evaluate(KIND) == "standby"
    assert third.evaluate("p.stop()") is None
    assert third.evaluate(KIND) == "stopped"
    assert second.evaluate(KIND) == "running"
    assert third.evaluate("heard.warnings") == []


def test_a_copy_of_a_tab_becomes_a_participant_of_its_own(coordinator, tabs):
    first = tabs.plain(coordinator.url)
    join(first, persist=True)
    name = first.evaluate("sessionStorage['petal.tab']")
    copy = first.context.new_page()
    copy.goto(first.url)
    copy.evaluate("(name) => sessionStorage.setItem('petal.tab', name)", name)
    join(copy, persist=True)
    assert copy.evaluate(KIND) == "running"
    assert copy.evaluate("sessionStorage['petal.tab']") not in (name, None)
    copy.reload()
    join(copy, persist=True)
    assert copy.evaluate("heard.interrupted")
    copy.evaluate("p.stop()")
    assert not copy.evaluate("p.interrupted()"), "it was told to leave"
    assert first.evaluate("p.interrupted()")


def test_an_abort_signal_leaves_and_frees_everything(coordinator, tabs):
    page = tabs.plain(coordinator.url)
    page.evaluate("""async () => {
      const { Participant } = await import("/petal/petal.js");
      globalThis.controller = new AbortController();
      globalThis.p = new Participant({ train: () => null, signal: controller.signal });
      await p.start();
    }""")
    page.evaluate("controller.abort()")
    wait_until("it is closed", lambda: not page.evaluate("p.loaded"))
    assert page.evaluate(KIND) == "stopped"
    name = page.evaluate("p.start().catch((error) => error.name)")
    assert name == "AbortError"


def test_a_browser_that_keeps_nothing_says_so_and_goes_on(coordinator, browser: Browser, tmp_path):
    """All storage blocked, by the setting that a visitor has for it."""
    (tmp_path / "Default").mkdir()
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(blocked))
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=find_chromium(), args=ARGUMENTS
    )
    try:
        page = context.new_page()
        page.goto(f"{coordinator.url}/petal/petal.js")
        join(page, machine(coordinator, Role.SUM).save(), persist=True)
        assert not page.evaluate("heard.interrupted")
        said = " ".join(page.evaluate("heard.warnings"))
        assert "Nothing is kept for a reload" in said
        assert "after a reload it joins as a new participant" in said
        wait_until("it takes part", lambda: page.evaluate("heard.messages.length"))
    finally:
        context.close()
