"""The demo page by mouse, finger and keyboard."""

import pytest

from .processes import wait_until

SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.85)]


def draw(page, points) -> None:
    """One stroke on the canvas; points are shares of its width and height."""
    pad = page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    where = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*where[0])
    page.mouse.down()
    for point in where[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def label(page, digit: int) -> None:
    page.get_by_role("button", name=str(digit), exact=True).click()


def counts(page) -> str:
    return page.get_attribute("#classes", "aria-label")


def held(page, total: int) -> None:
    wait_until(
        f"{total} images",
        lambda: page.inner_text("#data-note").startswith(f"{total} images in this tab"),
    )


@pytest.fixture
def page(coordinate, tabs):
    page = tabs(coordinate().url + "/?party=2")
    wait_until("Python is loaded", lambda: page.evaluate("petal.participant.state.kind") == "idle")
    wait_until("data is there", lambda: "images in this tab" in page.inner_text("#data-note"))
    return page


def test_drawings_are_added_counted_and_deleted(page):
    total = int(page.inner_text("#data-note").split()[0])
    page.uncheck("#use-shard")
    wait_until("no data", lambda: "No images yet" in page.inner_text("#data-note"))
    assert page.is_disabled("#join")
    for digit in (7, 7, 1):
        draw(page, SEVEN)
        label(page, digit)
        wait_until(
            "paper is blank",
            lambda: page.evaluate("""() => {
          const pad = document.getElementById("pad");
          const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
          return data.every((value) => value === 0);
        }"""),
        )
    held(page, 3)
    assert "2 of digit 7" in counts(page)
    assert "1 of digit 1" in counts(page)
    assert page.is_enabled("#join")
    page.get_by_role("button", name="Delete this drawing of a 7").first.click()
    held(page, 2)
    assert "1 of digit 7" in counts(page)
    page.check("#use-shard")
    held(page, total + 2)
    page.uncheck("#use-drawings")
    held(page, total)


def test_adding_nothing_says_what_to_do(page):
    label(page, 3)
    wait_until("a hint", lambda: "Draw a digit first" in page.inner_text("#banner"))
    assert page.locator("#thumbs li").count() == 0


def test_one_click_joins_before_python_is_there_and_stop_leaves(coordinate, tabs, natives):
    coordinator = coordinate()
    natives(coordinator.url, range(3, 8))
    page = tabs(coordinator.url)
    page.click("#join")
    assert page.evaluate("petal.participant.state.kind") == "loading"
    seen = set()

    def running() -> bool:
        if page.is_visible("#loading"):
            seen.add(page.inner_text("#loading-note"))
        return page.evaluate("petal.participant.state.kind") == "running"

    wait_until("it takes part by itself", running)
    assert any(" MB of " in note for note in seen)
    wait_until("accuracy is shown", lambda: page.inner_text("#accuracy").endswith("%"))
    assert page.locator("#charts canvas").count() == 2
    page.click(".history summary")
    assert page.inner_text("#accuracy") in page.inner_text("#history")
    assert int(page.inner_text("#round-number")) >= 1
    assert "This tab" in page.inner_text("#role")

    draw(page, SEVEN)
    wait_until("a guess", lambda: "The global model says" in page.inner_text("#guess-note"))
    shares = page.evaluate(
        "Array.from(document.querySelectorAll('#bars progress'), (bar) => bar.value)"
    )
    assert abs(sum(shares) - 1) < 1e-3

    page.click("#join")
    wait_until("it has left", lambda: page.inner_text("#join") == "Join the training")
    assert "has left" in page.inner_text("#role")
    page.click("#join")
    wait_until("it is back", lambda: page.inner_text("#join") == "Stop")


def test_phone_by_finger(coordinate, tabs):
    page = tabs(
        coordinate().url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    wait_until("data is there", lambda: "images in this tab" in page.inner_text("#data-note"))
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    smallest = page.evaluate(
        """() => Math.min(...Array.from(document.querySelectorAll("#labels button, #join"),
          (button) => button.getBoundingClientRect().height))"""
    )
    assert smallest >= 40
    page.locator("#pad").tap(position={"x": 60, "y": 60})
    label(page, 1)
    wait_until("the drawing is there", lambda: page.locator("#thumbs li").count() == 1)


def test_everything_can_be_reached_by_keyboard(page):
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
    for wanted in ("use-shard", "party", "use-drawings", "join", "clear", "0", "9"):
        assert wanted in reached


def test_a_reload_fetches_nothing_large_again(coordinate, record, tabs):
    tap = record(coordinate().port)
    page = tabs(tap.url)
    loaded = "petal.participant.state.kind === 'idle'"
    wait_until("Python is loaded", lambda: page.evaluate(loaded))
    assert bytes(tap.sent).count(b"GET /petal/vendor/@") == 6
    before = len(tap.sent)
    page.reload()
    wait_until("Python is loaded again", lambda: page.evaluate(loaded))
    assert b"pyodide" not in bytes(tap.sent[before:])
    assert b"GET /petal/@" not in bytes(tap.sent[before:])
