"""The bundle on a static host, the coordinator on another origin, a strict policy on the page."""

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from petal.round import Role
from petal_server.bundle import write_bundle
from petal_server.config_file import load

from .axe import violations
from .cast import CONFIG, machine, playing
from .processes import ROOT, wait_until

EXAMPLE = ROOT / "examples" / "embed"
# Nearly nobody is a sum participant, so that the tab trains.
RARE = 0.002


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The example, with the bundle beside it, as its README says."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("petal"))
    write_bundle(folder / "petal", ROOT / "web")
    return folder


@pytest.fixture
def host() -> Iterator[Callable[..., str]]:
    """Serve a folder: `host(handler)` gives its origin."""
    servers = []

    def start(handler) -> str:
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def example_handler(folder: Path, coordinator: str):
    spec = spec_from_file_location("embed_example", EXAMPLE / "serve.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler(folder, coordinator)


@pytest.fixture
def coordinator(coordinate):
    length = str(load(EXAMPLE / "config.toml").model.length)
    allowed = f'{CONFIG.replace("4000", length)}\n[api.cors]\nallow_origins = ["*"]\n'
    return coordinate(sum_prob=RARE, config=allowed)


def rest_of_the_round(coordinator):
    updates = [machine(coordinator, Role.UPDATE) for _ in range(2)]
    return playing(coordinator, *updates, machine(coordinator, Role.SUM))


def card(page, part: str) -> str:
    return page.locator("petal-participant").locator(f"[part={part}]").inner_text()


def test_the_example_takes_part(site, host, coordinator, tabs):
    page = tabs(f"{host(example_handler(site, coordinator.url))}/?coordinator={coordinator.url}")
    assert card(page, "state") == "You are not taking part."
    page.locator("petal-participant").get_by_role("button", name="Take part").click()
    with rest_of_the_round(coordinator):
        model = wait_until("a global model", coordinator.model)[1]
        wait_until("it is shown", lambda: "x³" in page.inner_text("#curve"))
    assert card(page, "state") == "You are taking part."
    own = model * 3 - np.float32(0.75)
    assert np.ptp(own) > 0.1, "the tab's curve is in the mean"
    shown = page.inner_text("#curve").removeprefix("Everybody's curve: ").split(" + ")
    assert [float(term.rstrip("x²³")) for term in shown] == pytest.approx(model, abs=0.006)
    page.get_by_role("button", name="Stop").click()
    wait_until("it left", lambda: "not taking part any more" in card(page, "state"))


def test_the_example_in_a_frame_of_another_site(site, host, coordinator, tabs, tmp_path):
    inner = f"{host(example_handler(site, coordinator.url))}/?coordinator={coordinator.url}"
    outer = f'<link rel="icon" href="data:,"><iframe src="{inner}"></iframe>'
    (tmp_path / "index.html").write_text(outer)
    plain = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    page = tabs(host(plain).replace("127.0.0.1", "localhost"))
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Take part").click()
    with rest_of_the_round(coordinator):
        curve = frame.locator("#curve")
        wait_until("a round ends", lambda: "Everybody's" in curve.inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_card_breaks_no_rule_of_accessibility(site, host, coordinator, tabs, scheme):
    page = tabs(
        f"{host(example_handler(site, coordinator.url))}/?coordinator={coordinator.url}",
        color_scheme=scheme,
    )
    assert violations(page) == []
    page.get_by_role("button", name="Take part").click()
    wait_until("it takes part", lambda: card(page, "state") == "You are taking part.")
    assert violations(page) == []
    page.keyboard.press("Enter")  # the button has the focus
    wait_until("it left", lambda: "not taking part any more" in card(page, "state"))


PACKED = """async (python) => {
  const { Participant } = await import("/node_modules/petal-participant/petal.js");
  const p = new Participant({ train: { python } });
  const doubled = await p.call("double", new Float32Array([1, 2]));
  await import("/node_modules/petal-participant/element.js");
  return [Array.from(doubled), p.state.kind, !!customElements.get("petal-participant")];
}"""


def test_the_package_that_npm_packs_works_in_a_fresh_folder(site, host, tabs, tmp_path):
    npm = ROOT / ".ci" / "npm"
    subprocess.run(
        [npm, "pack", site / "petal", "--pack-destination", tmp_path, "--loglevel=error"],
        check=True,
        capture_output=True,
    )
    [packed] = tmp_path.glob("*.tgz")
    app = tmp_path / "app"
    app.mkdir()
    (app / "package.json").write_text('{"name": "app", "private": true}')
    subprocess.run(
        [npm, "install", "--prefix", app, "--offline", "--no-audit", "--loglevel=error", packed],
        check=True,
        capture_output=True,
    )
    (app / "index.html").write_text("<title>app</title>")
    page = tabs(host(example_handler(app, "'self'")))
    source = "def double(array):\n    return array * 2\n"
    assert page.evaluate(PACKED, source) == [[2, 4], "idle", True]
