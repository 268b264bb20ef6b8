"""A reload in any phase: the tab goes on as the same participant, and nothing is sent twice."""

import numpy as np
import pytest

from petal.round import Role

from .cast import CONFIG, machine, playing
from .processes import wait_until

JOIN = """async ([snapshot, persist]) => {
  const { Participant } = await import("/petal/petal.js");
  globalThis.heard = { warnings: [], messages: [], stages: [], trained: 0 };
  const train = async (model, { round, progress }) => {
    heard.trained += model === null; // the next round's trainings are not looked at
    progress(1, 2);
    if (globalThis.never) await new Promise(() => {});
    return new Float32Array(round.modelLength).fill(1);
  };
  globalThis.p = new Participant({
    train, persist, snapshot: snapshot && new Uint8Array(snapshot),
  });
  heard.interrupted = await p.interrupted();
  p.addEventListener("warning", ({ detail }) => heard.warnings.push(detail.message));
  p.addEventListener("message", ({ detail }) => heard.messages.push(detail));
  p.addEventListener("progress", ({ detail }) => heard.stages.push(detail));
  p.addEventListener("model", ({ detail: { weights } }) => { heard.model = weights?.[0]; });
  await p.start();
}"""


KEPT = """async () => {
  const { Store } = await import("/petal/shared/store.js");
  const store = await Store.open();
  const { snapshot, progress } = await store.get(`name ${p.coordinator} me`);
  store.close();
  const text = (bytes) => new TextDecoder("latin1").decode(bytes);
  return [text(snapshot.slice(0, 1000)), text(progress)];
}"""


class Wire:
    """Counts a page's messages of the first round, and holds back the n-th: it never arrives."""

    def __init__(self, page, coordinator):
        self._page, self._coordinator = page, coordinator
        self._hold, self._held = None, False
        self.left = 0
        page.route("**/message", self._pass)

    def hold(self, n: int | None) -> None:
        self._hold, self._held = n, False

    def holding(self) -> bool:
        self._page.evaluate("0")  # Playwright passes requests on while it is called
        return self._held

    def _pass(self, route) -> None:
        if self._hold is not None and self.left >= self._hold:
            self._held = True
        else:
            self.left += self._coordinator.model() is None
            route.continue_()


def join(page, snapshot: bytes | None = None, persist="me") -> None:
    page.evaluate(JOIN, [list(snapshot) if snapshot else None, persist])


def rejoin(page) -> None:
    """Reload, and take part again."""
    page.reload()
    join(page)
    assert page.evaluate("heard.interrupted")


def stage(page, name: str):
    return lambda: any(each["stage"] == name for each in page.evaluate("heard.stages"))


def published(coordinator, page):
    def look():
        page.evaluate("0")  # or its requests stand still, see Wire
        return coordinator.model()

    return wait_until("a global model", look)[1]


@pytest.fixture
def coordinator(coordinate):
    return coordinate(sum_prob=0.5, config=CONFIG)


def calm(page) -> None:
    """Nothing odd was told; messages after the first may be the next round's, and come too late."""
    assert page.evaluate("heard.warnings") == []
    assert page.evaluate("heard.messages[0].outcome") == "accepted"


def test_an_update_participant_is_reloaded_in_every_phase(coordinator, tabs):
    page = tabs.plain(coordinator.url)
    wire = Wire(page, coordinator)
    mine = machine(coordinator, Role.UPDATE, max_message_size=4096)
    others = [machine(coordinator, Role.UPDATE) for _ in range(2)]
    page.evaluate("globalThis.never = true")
    join(page, mine.save())
    assert not page.evaluate("heard.interrupted")
    wait_until("training", lambda: page.evaluate("heard.trained"))

    rejoin(page)
    wait_until("trained anew", stage(page, "awaiting_sums"))
    assert page.evaluate("heard.trained") == 1

    rejoin(page)
    wire.hold(3)
    with playing(coordinator, *others, machine(coordinator, Role.SUM)):
        wait_until("half of it is sent", wire.holding)
        snapshot, progress = page.evaluate(KEPT)
        assert '"part":0' in snapshot, "it is not written again with every part"
        assert '"part": 3' in progress
        wire.hold(None)
        rejoin(page)
        model = published(coordinator, page)
    assert page.evaluate("heard.trained") == 0, "the trained model was kept"
    calm(page)
    parts = page.evaluate("heard.stages.find((s) => s.stage === 'sending_update' && s.total).total")
    assert parts > 5
    assert wire.left == parts
    np.testing.assert_allclose(model, (1 + 0.25 + 0.5) / 3, atol=1e-6)


def test_a_sum_participant_is_reloaded_in_every_phase(coordinator, tabs):
    page = tabs.plain(coordinator.url)
    wire = Wire(page, coordinator)
    others = [machine(coordinator, Role.UPDATE) for _ in range(3)]
    wire.hold(0)
    join(page, machine(coordinator, Role.SUM).save())
    wait_until("the sum message is on its way", wire.holding)

    wire.hold(None)
    rejoin(page)
    wait_until("it is accepted", lambda: page.evaluate("heard.messages.length"))
    calm(page)

    rejoin(page)
    wire.hold(1)
    with playing(coordinator, *others):
        wait_until("the sum2 message is on its way", wire.holding)
        wire.hold(None)
        rejoin(page)
        model = published(coordinator, page)
    calm(page)
    assert wire.left == 2
    np.testing.assert_allclose(model, (0.25 + 0.5 + 0.75) / 3, atol=1e-6)


def test_who_takes_part_is_kept_already(coordinator, tabs):
    page = tabs.plain(coordinator.url)
    kept = page.evaluate("""async () => {
      const { Participant } = await import("/petal/petal.js");
      const p = new Participant({ train: () => null, persist: true });
      await p.start();
      p.close(); // the worker ends, as with a reload
      return p.interrupted();
    }""")
    assert kept


def test_the_page_goes_on_after_a_reload_and_stays_away_after_a_stop(coordinate, tabs):
    page = tabs(coordinate().url)
    wait_until("it is loaded", lambda: page.is_enabled("#join"))
    page.select_option("#party", index=7)
    page.click("#join")
    wait_until("it takes part", lambda: "participant" in page.inner_text("#role"))
    name = page.evaluate("sessionStorage['petal.tab']")

    page.reload()
    wait_until("it takes part again", lambda: "participant" in page.inner_text("#role"))
    assert page.inner_text("#join") == "Stop"
    assert page.evaluate("document.querySelector('#party').selectedIndex") == 7
    assert page.evaluate("sessionStorage['petal.tab']") == name

    page.click("#join")
    wait_until("it left", lambda: page.evaluate("petal.participant.state.kind") == "stopped")
    page.reload()
    wait_until("it is loaded", lambda: page.evaluate("petal.participant.state.kind") == "idle")
    assert not page.evaluate("petal.participant.interrupted()")
