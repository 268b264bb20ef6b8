"""Whole rounds: tabs on the demo page, native participants, one coordinator."""

import hashlib
import math

import numpy as np
import pytest

from .processes import wait_until

HEAR_MODELS = """() => {
  window.heard = [];
  petal.participant.addEventListener("model", async ({ detail: { weights } }) => {
    if (!weights) return;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
    heard.push(Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  });
}"""
NEWEST = """async () => Array.from(await petal.participant.call("newest") ?? [])"""


@pytest.fixture
def joined(coordinate, natives, record, tabs):
    """Three tabs behind a wire tap and three native participants: (coordinator, tabs, tap)."""
    coordinator = coordinate()
    tap = record(coordinator.port)
    pages = [tabs(f"{tap.url}/?party={party}") for party in range(3)]
    for page in pages:
        page.evaluate(HEAR_MODELS)
        page.click("#join")
    natives(coordinator.url, range(3, 6))
    return coordinator, pages, tap


def test_three_tabs_and_three_natives_finish_rounds(joined):
    coordinator, pages, tap = joined
    models: dict[str, np.ndarray] = {}
    trained: dict[bytes, np.ndarray] = {}

    def enough() -> bool:
        if newest := coordinator.model():
            models.setdefault(*newest)
        for page in pages:
            if newest := page.evaluate(NEWEST):
                trained[bytes(np.float32(newest))] = np.float32(newest)
        heard = [page.evaluate("heard") for page in pages]
        known = {hashlib.sha256(weights.tobytes()).hexdigest() for weights in models.values()}
        sent = tap.sent.count(b"POST /message")
        return all(len(known & set(each)) >= 2 for each in heard) and len(trained) > 2 and sent > 6

    wait_until("every tab has two global models, and some have trained", enough, timeout=240)

    # Whatever a tab takes for a global model is one of the coordinator's, bit for bit.
    known = {hashlib.sha256(weights.tobytes()).hexdigest() for weights in models.values()}
    for page in pages:
        assert set(page.evaluate("heard")[:-1]) <= known
    for weights in trained.values():
        assert not leaks(weights, bytes(tap.sent))


def leaks(weights: np.ndarray, sent: bytes) -> list[str]:
    """The forms in which these weights are found in what was sent.

    What leaves is sealed to the coordinator, so this looks at all that anybody on the way sees.
    A weight's four bytes occur by chance somewhere in a megabyte; two in a row do not.
    """
    found = []
    for name, dtype in (("float32", "4"), ("float64", "8")):
        for order in "<>":
            raw = weights.astype(f"{order}f{dtype}").tobytes()
            step = int(dtype)
            windows = (raw[i : i + 8] for i in range(0, len(raw) - 8 + 1, step))
            if any(w in sent for w in windows if w != bytes(8)):
                found.append(f"{name} {order}")
    texts = {f"{weight:.6g}" for weight in weights.tolist() if weight}
    found += [f"decimal {text}" for text in texts if len(text) > 6 and text.encode() in sent]
    # The unmasked group elements: floor((weight + 100) * 10^10), six bytes.
    elements = [math.floor((weight + 100) * 10**10) for weight in weights.tolist() if weight]
    found += [f"element {e}" for e in elements if e.to_bytes(6, "little") in sent]
    return found


def test_the_search_for_leaks_finds_what_it_looks_for():
    weights = np.array([0.123456, -0.5, 0.25, 1.5], np.float32)
    assert leaks(weights, b"..." + weights.tobytes())
    assert leaks(weights, b"..." + weights.astype(">f8").tobytes())
    assert leaks(weights, b'{"weights": [0.123456, -0.5]}')
    assert leaks(weights, math.floor(99.5 * 10**10).to_bytes(6, "little"))
    assert not leaks(weights, bytes(range(256)) * 100)
