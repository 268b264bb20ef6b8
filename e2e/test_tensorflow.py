"""The example with TensorFlow.js: trained in the tab, averaged by Petal, under a strict policy."""

import shutil

import numpy as np
import pytest

from petal_server.bundle import write_bundle
from petal_server.config_file import load

from .cast import CONFIG
from .processes import ROOT, wait_until
from .test_another_origin import RARE, card, example_handler, host, rest_of_the_round

__all__ = ["host"]  # a fixture

EXAMPLE = ROOT / "examples" / "tensorflow"
SCRIPTS = ROOT / "web" / "node_modules" / "@tensorflow"
WEIGHTS = load(EXAMPLE / "config.toml").model.length


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The example with what its README copies beside it."""
    if not SCRIPTS.is_dir():
        pytest.skip("TensorFlow.js is not there: make web/node_modules/.made says why")
    folder = tmp_path_factory.mktemp("tensorflow")
    for name in ("index.html", "style.css", "app.js", "ring.js"):
        shutil.copy(EXAMPLE / name, folder)
    for part in ("core", "backend-cpu", "layers"):
        shutil.copy(SCRIPTS / f"tfjs-{part}" / "dist" / f"tf-{part}.min.js", folder)
    write_bundle(folder / "petal", ROOT / "web")
    return folder


JUDGE = """async (weights) => {
  const { accuracy, points } = await import("/ring.js");
  return accuracy(Float32Array.from(weights), points(500));
}"""


def test_a_network_of_tensorflow_js_takes_part(site, host, coordinate, tabs):
    config = CONFIG.replace("4000", str(WEIGHTS)) + '\n[api.cors]\nallow_origins = ["*"]\n'
    coordinator = coordinate(sum_prob=RARE, config=config)
    page = tabs(f"{host(example_handler(site, coordinator.url))}/?coordinator={coordinator.url}")
    page.get_by_role("button", name="Take part").click()
    with rest_of_the_round(coordinator):
        model = wait_until("a global model", coordinator.model)[1]
        wait_until("it is shown", lambda: "right on" in page.inner_text("#accuracy"))
    assert card(page, "state") == "You are taking part."
    own = model * 3 - np.float32(0.75)
    assert page.evaluate(JUDGE, own.tolist()) > 0.8
    page.get_by_role("button", name="Stop").click()
    wait_until("it left", lambda: "not taking part any more" in card(page, "state"))
