"""Tabs before a coordinator that admits only the enrolled; the app's own backend enrols them."""

import functools
import http.server
import re
import threading
from pathlib import Path

import pytest

from petal.client.authority import Authority
from petal_server.bundle import write_bundle

from .conftest import CONFIG as PAGE_CONFIG
from .processes import PETAL, ROOT, Program, wait_until
from .test_embedding import CONFIG

JOIN = """async ([coordinator, how]) => {
  const { Participant } = await import("/petal/petal.js");
  window.heard = { asked: [], messages: [], states: [], trainings: 0 };
  const backend = async (publicKey) => {
    heard.asked.push(publicKey);
    if (heard.asked.length === 1) throw new Error("sign in first");
    return (await fetch("/enrol", { method: "POST", body: publicKey })).text();
  };
  const enrolment = { backend, refused: () => null, missing: undefined }[how];
  const train = (_model, { round }) => {
    heard.trainings += 1;
    return new Float32Array(round.modelLength);
  };
  window.p = new Participant({ coordinator, train, enrolment });
  p.addEventListener("state", ({ detail }) => heard.states.push(detail));
  p.addEventListener("message", ({ detail }) => heard.messages.push(detail));
  await p.start();
}"""
CARD = """(coordinator) => {
  const card = document.createElement("petal-participant");
  card.setAttribute("coordinator", coordinator);
  card.setAttribute("enrolment-url", "/enrol");
  window.messages = [];
  card.train = (_model, { round }) => new Float32Array(round.modelLength);
  document.body.append(card);
  card.participant.addEventListener("message", ({ detail }) => messages.push(detail));
  card.participant.start();
}"""


class App(http.server.SimpleHTTPRequestHandler):
    """An app: its page, the bundle, and a backend that enrols whoever asks."""

    authority: Authority

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"])).decode()
        token = self.authority.token(bytes.fromhex(asked), 600).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(token)))
        self.end_headers()
        self.wfile.write(token)

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    return Authority.new(path), path


@pytest.fixture
def app(tmp_path, authority):
    """The app's origin."""
    write_bundle(tmp_path / "petal", ROOT / "web")
    page = '<link rel="icon" href="data:,"><script type="module" src="/petal/element.js"></script>'
    (tmp_path / "index.html").write_text(f"<!doctype html><title>app</title>{page}<body>")
    handler = type("Handler", (App,), {"authority": authority[0]})
    made = functools.partial(handler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), made)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def asking(coordinate, authority, app, tmp_path):
    """A coordinator that asks for tokens, and enrolled native participants that fill its rounds."""
    admission = f'[admission]\npublic_keys = ["{authority[0].public_key.hex()}"]\n'
    cors = f'[api.cors]\nallow_origins = ["{app}"]\n'
    coordinator = coordinate(sum_prob=0.3, config=CONFIG + cors + admission)
    command = ["test-drive", "-u", coordinator.url, "-n", "5", "--enrol-key", str(authority[1])]
    others = Program([*PETAL, *command], Path(tmp_path) / "others.log")
    yield coordinator
    others.stop()


@pytest.mark.rehearses_failure  # the callback's error is told on the console too
def test_an_apps_backend_enrols_its_visitor(app, asking, tabs):
    page = tabs(app)
    page.evaluate(JOIN, [asking.url, "backend"])
    accepted = "heard.messages.some(({ outcome }) => outcome === 'accepted')"
    wait_until("a message of the tab is accepted", lambda: page.evaluate(accepted))
    heard = page.evaluate("heard")
    # On a busy machine a message may come too late for its phase.
    assert {message["reason"] for message in heard["messages"]} <= {None, "wrong_phase"}
    assert len(heard["asked"]) == 2
    assert heard["asked"][0] == heard["asked"][1]
    away = [state for state in heard["states"] if state.get("reason")]
    assert "no enrolment token can be had: sign in first" in away[0]["reason"]
    wait_until("a global model", asking.model)


def test_the_card_enrols_at_an_address(app, asking, tabs):
    page = tabs(app)
    page.wait_for_function("!!customElements.get('petal-participant')")
    page.evaluate(CARD, asking.url)
    accepted = "messages.some(({ outcome }) => outcome === 'accepted')"
    wait_until("a message is accepted", lambda: page.evaluate(accepted))


@pytest.mark.parametrize("how", ["missing", "refused"])
def test_a_tab_that_is_not_enrolled_says_so_before_it_trains(app, asking, tabs, how):
    page = tabs(app)
    page.evaluate(JOIN, [asking.url, how])
    wait_until("it fails", lambda: page.evaluate("p.state.kind") == "failed")
    error = page.evaluate("p.state.error")
    assert error["name"] == "EnrolmentError"
    assert "admits only participants that bring an enrolment token" in error["message"]
    assert page.evaluate("heard.trainings") == 0
    assert page.evaluate("heard.messages") == []


DIGITS = """
[admission]
public_keys = ["{key}"]
"""


@pytest.fixture
def own_page(coordinate, authority):
    """A coordinator that asks for tokens, whose own page somebody opens."""
    return coordinate(0.95, PAGE_CONFIG + DIGITS.format(key=authority[0].public_key.hex()))


def test_the_coordinators_own_page_tells_its_key_and_takes_a_token(own_page, authority, tabs):
    page = tabs(own_page.url)
    page.get_by_role("button", name="Join").click()
    banner = page.locator("#banner")
    wait_until("it says why not", lambda: "enrolment token" in banner.inner_text())
    [key] = re.findall(r"public key ([0-9a-f]{64})", banner.inner_text())
    assert "This tab is not admitted." in banner.inner_text()
    assert "add ?enrolment=TOKEN to this page's address" in banner.inner_text()
    token = authority[0].token(bytes.fromhex(key), 600)
    page.goto(f"{own_page.url}/?enrolment={token}")
    page.evaluate("petal.participant.addEventListener('message', (e) => window.told = e.detail)")
    if not page.evaluate("petal.participant.interrupted()"):
        page.get_by_role("button", name="Join").click()
    wait_until("a message is taken", lambda: page.evaluate("window.told?.outcome") == "accepted")
