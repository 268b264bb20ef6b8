"""`petal demo` as a visitor meets it: open the page, join, watch it learn, draw a digit."""

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from petal_server.demo import load_task

from .processes import PETAL, ROOT, Program, wait_until

STROKES = json.loads((ROOT / "tests/py/strokes.json").read_text())
LISTEN = """() => {
  window.accepted = [];
  petal.participant.addEventListener("message", ({ detail }) => {
    if (detail.outcome === "accepted") accepted.push(detail.stage);
  });
}"""
# Each stroke in small steps, as a hand does it.
STEPS = 6


@pytest.fixture
def demo(tmp_path):
    """The running demo and its address."""
    program = Program([*PETAL, "demo", "--no-open", "--port", "0"], tmp_path / "demo.log")
    find = lambda: re.search(r"http://\S+/", program.output())  # noqa: E731
    yield program, wait_until("the demo prints its address", find)[0]
    program.stop()


def told(program) -> list[str]:
    """The accuracies that the demo printed, one a global model, as the page writes them."""
    return [f"{found} %" for found in re.findall(r"accuracy +([\d.]+)%", program.output())]


def draw(page, strokes) -> None:
    """Draw with the mouse on the page's canvas."""
    box = page.locator("#pad").bounding_box()
    left, top = box["x"] + 0.27 * box["width"], box["y"] + 0.15 * box["height"]
    width, height = 0.46 * box["width"], 0.7 * box["height"]
    for stroke in strokes:
        points = [tuple(map(float, point.split(","))) for point in stroke.split()]
        places = [(left + width * x / 100, top + height * y / 100) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=STEPS)
        page.mouse.up()


def guess(page) -> int | None:
    """The digit whose bar is the longest, None while all are empty."""
    bars = page.evaluate("() => [...document.querySelectorAll('#bars progress')].map(b => b.value)")
    return bars.index(max(bars)) if max(bars) > 0 else None


def recognises(page, digit: str) -> bool:
    """Draw the digit; whether the page names it within two seconds (it also guesses midway)."""
    page.click("#clear")
    draw(page, STROKES[digit])
    end = time.monotonic() + 2
    while guess(page) != int(digit) and time.monotonic() < end:
        time.sleep(0.05)
    return guess(page) == int(digit)


PROBE = """
import digits
import numpy as np

def start():
    return digits.first_model()

def canvas(ink):
    return digits.from_canvas(ink)

def learn(data):
    hand = digits.shards(digits.load(bytes(data)))[0]
    return digits.train(None, hand, 5), digits.weight(hand)

def train(model, round):
    return start()
"""
IN_THE_TAB = """async ([probe, ink]) => {
  const at = (name) => new URL(`petal/demo/tasks/digits/${name}`, document.baseURI).href;
  const task = new petal.participant.constructor(
    { train: { python: probe, modules: { digits: at("digits.py") } } });
  const data = new Uint8Array(await (await fetch(at("digits.npz"))).arrayBuffer());
  const [weights, scalar] = await task.call("learn", data);
  const start = await task.call("start");
  const image = await task.call("canvas", Uint8Array.from(ink));
  task.close();
  return [start, weights, scalar, image].map((a) => typeof a === "number" ? a : Array.from(a));
}"""


def test_the_task_computes_alike_in_a_tab_and_in_cpython(coordinate, tabs):
    found = load_task()
    task = found.load_module()
    hand = task.shards(task.load(found.data))[0]
    ink = np.random.default_rng(1).integers(0, 256, 40 * 40)
    page = tabs(coordinate().url)
    start, weights, scalar, image = page.evaluate(IN_THE_TAB, [PROBE, ink.tolist()])
    assert np.array_equal(np.float32(start), task.first_model())
    assert np.allclose(weights, task.train(None, hand, 5), atol=1e-3)
    assert scalar == task.weight(hand)
    assert np.array_equal(np.reshape(image, (8, 8)), task.from_canvas(ink))


def test_a_visitor_joins_and_the_model_passes_90_percent_within_ten_rounds(demo, tabs):
    program, address = demo
    page = tabs(address, viewport={"width": 1200, "height": 1000})
    page.evaluate(LISTEN)
    page.click("#join")

    def learnt() -> bool:
        assert len(told(program)) <= 10, program.output()
        shown = re.fullmatch(r"([\d.]+) %", page.inner_text("#accuracy"))
        return bool(shown) and float(shown[1]) > 90

    wait_until("the page shows more than 90 %", learnt, timeout=150, interval=0.2)
    # The same model judged in the tab and in CPython, on the same images.
    shown = page.inner_text("#accuracy")
    wait_until(f"the demo tells {shown} too", lambda: shown in told(program), timeout=10)
    wait_until("this tab took part", lambda: page.evaluate("accepted.length"), timeout=30)

    recognised = [digit for digit in STROKES if recognises(page, digit)]
    assert len(recognised) >= 8, recognised

    if folder := os.environ.get("PETAL_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / "demo.png", full_page=True)
    page.click("#join")
    wait_until("the tab has left", lambda: "Join" in page.inner_text("#join"))
