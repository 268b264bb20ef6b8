"""What a visitor meets when something is wrong: a clear message, and a way on."""

import re

import pytest

from .conftest import CONFIG
from .processes import wait_until

pytestmark = pytest.mark.rehearses_failure


def banner(page) -> str:
    return page.inner_text("#banner") if page.is_visible("#banner") else ""


def ready(page) -> bool:
    return page.evaluate("petal.participant.state.kind === 'idle'")


def test_coordinator_down_when_joining_then_up_again(coordinate, tabs):
    coordinator = coordinate()
    page = tabs(coordinator.url)
    wait_until("Python is loaded", lambda: ready(page))
    coordinator.program.stop()

    page.click("#join")
    said = wait_until("the page says so", lambda: "cannot be reached" in banner(page))
    assert said
    assert f"The coordinator at {coordinator.url}" in banner(page)
    assert "goes on by itself" in banner(page)
    assert page.inner_text("#join") == "Stop"
    wait_until(
        "the state tells",
        lambda: page.evaluate(
            "(({ connected, retryInSeconds }) => connected === false && retryInSeconds > 0)"
            "(petal.participant.state)"
        ),
    )

    coordinator.restart()
    wait_until("the page is calm again", lambda: not banner(page))
    wait_until("the tab takes part", lambda: "participant" in page.inner_text("#role"))
    wait_until("connected", lambda: page.evaluate("petal.participant.state.connected"))


def test_server_gone_while_loading_then_back(coordinate, tabs, browser):
    coordinator = coordinate()
    page = browser.new_page()
    page.route("**/pyodide.asm.wasm", lambda route: route.abort())
    page.goto(coordinator.url)
    wait_until("the page says so", lambda: "could not be started" in banner(page))
    assert "pyodide.asm.wasm" in banner(page)
    page.unroute("**/pyodide.asm.wasm")
    wait_until("it loads by itself", lambda: ready(page) and not banner(page))
    page.close()


@pytest.mark.parametrize("missing", ["python_stdlib.zip", "libsodium-sumo.mjs", "petal-py.zip"])
def test_a_file_that_does_not_load_is_named(coordinate, browser, missing):
    page = browser.new_page()
    page.route(f"**/{missing}", lambda route: route.fulfill(status=500))
    page.goto(coordinate().url)
    wait_until("the page names it", lambda: missing in banner(page))
    page.close()


def test_page_that_may_not_talk_to_a_coordinator_says_whom_to_ask(coordinate, tabs):
    page = tabs(coordinate().url + "/?coordinator=http://127.0.0.1:9")
    wait_until("the page says so", lambda: "web.coordinators" in banner(page))
    assert "http://127.0.0.1:9" in banner(page)


def test_training_that_fails_warns_and_goes_on(coordinate, tabs):
    coordinator = coordinate(sum_prob=0.01)
    page = tabs.plain(coordinator.url)
    warning = page.evaluate("""async () => {
      const { Participant } = await import("/petal/petal.js");
      window.p = new Participant({ train: () => { throw new Error("not today"); } });
      const warned = new Promise((resolve) =>
        p.addEventListener("warning", ({ detail }) => resolve(detail.message)));
      await p.start();
      return warned;
    }""")
    assert re.search("not today", warning)
    assert page.evaluate("p.state.kind") == "running"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def train(:\n  pass", "SyntaxError"),
        ("import nothing_like_this\n", "ModuleNotFoundError"),
    ],
)
def test_training_module_that_does_not_import(coordinate, tabs, source, said):
    page = tabs.plain(coordinate().url)
    error = page.evaluate(
        """async (source) => {
          const { Participant } = await import("/petal/petal.js");
          const p = new Participant({ train: { python: source } });
          const error = await p.start().catch((error) => error);
          return { name: error.name, message: error.message, state: p.state };
        }""",
        source,
    )
    assert error["name"] == said
    assert error["message"]
    assert error["state"]["kind"] == "failed"
    assert error["state"]["error"]["name"] == said


def test_a_coordinator_with_another_model_is_named(coordinate, tabs):
    page = tabs(coordinate(config=CONFIG.replace("2410", "5")).url)
    page.click("#join")
    wait_until("the page says so", lambda: "a model of 5 weights" in banner(page))
    assert "length = 2410" in banner(page)
