"""The golden vectors inside the browser: the same checks as tests/py, run by Pyodide."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKS = (ROOT / "tests" / "py" / "vector_checks.py").read_text()
RUN = """
import json, sys
import vector_checks

def check(group, text):
    data = json.loads(text)
    return {one.__name__: one(data) for one in getattr(vector_checks, group)}

def runtime():
    from petal.crypto import backend
    return [sys.platform, backend.active.__name__]
"""
START = """async ([run, checks]) => {
  const { Participant } = await import("/petal/petal.js");
  window.checks = new Participant({ train: { python: run, modules: { vector_checks: checks } } });
  await window.checks.load();
  return window.checks.call("runtime");
}"""
# How many cases each check must have compared: a vector file cut short must not pass.
EXPECTED = {
    "crypto": {
        "check_sign_keypairs": 4,
        "check_encrypt_keypairs": 4,
        "check_sealed": 4,
        "check_eligibility": 360,
        "check_round_seeds": 3,
        "check_prng": 11,
    },
    "wire": {
        "check_messages": 3,
        "check_payload_fields": 3,
        "check_multipart": 3,
        "check_rest": 5,
    },
    "masks": {"check_short_masks": 240, "check_long_masks": 5},
    "masking": {"check_masking": 240},
}


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    from .conftest import CONFIG
    from .processes import Coordinator

    coordinator = Coordinator(tmp_path_factory.mktemp("vectors"), CONFIG.format(sum_prob=0.3))
    page = browser.new_page()
    try:
        page.goto(f"{coordinator.url}/petal/petal.js")
        runtime = page.evaluate(START, [RUN, CHECKS])
        assert runtime == ["emscripten", "petal.crypto._sodium_js"]
        yield page
    finally:
        page.close()
        coordinator.program.stop()


@pytest.mark.parametrize("group", EXPECTED)
def test_golden_vectors_in_the_browser(page, group):
    text = (ROOT / "tests" / "vectors" / f"{group}.json").read_text()
    counts = page.evaluate(
        "([group, text]) => checks.call('check', group.toUpperCase(), text)", [group, text]
    )
    assert counts == EXPECTED[group]
