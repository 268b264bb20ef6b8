"""A browser that can write nothing down any more while a tab takes part."""

from petal.round import Role

from .cast import CONFIG, machine, playing
from .processes import wait_until
from .test_privacy import CARD, SETTINGS, says
from .test_reload import join

KIND = "p.state.kind"
KEPT = """async () => {
  const { Store } = await import("/petal/shared/store.js");
  const store = await Store.open();
  const found = await store.get(`name ${p.coordinator} me`);
  store.close();
  return Boolean(found);
}"""


FULL = """
let full = false;
new BroadcastChannel("disk").onmessage = () => { full = true; };
const room = () => { if (full) throw new DOMException("no room", "QuotaExceededError"); };
"""


def with_a_disk(tabs, coordinator):
    """A tab whose disk `fill` fills: what is kept stays, nothing can be added."""
    page = tabs.plain(coordinator.url)

    def fulfill(route):
        answer = route.fetch()
        text = answer.text().replace("store.put(", "room(); store.put(")
        route.fulfill(response=answer, body=FULL + text)

    page.route("**/shared/store.js", fulfill)
    page.reload()
    return page


def fill(page) -> None:
    page.evaluate("new BroadcastChannel('disk').postMessage('full')")


def test_what_was_kept_is_forgotten_with_what_cannot_be_kept(coordinate, tabs):
    coordinator = coordinate(sum_prob=0.5, config=CONFIG)
    page = with_a_disk(tabs, coordinator)
    join(page, machine(coordinator, Role.SUM).save())
    wait_until("it is accepted", lambda: page.evaluate("heard.messages.length"))
    wait_until("it is kept", lambda: page.evaluate(KEPT))
    fill(page)
    with playing(coordinator, *(machine(coordinator, Role.UPDATE) for _ in range(3))):
        wait_until("a global model", coordinator.model)
    wait_until("it is told", lambda: page.evaluate("heard.warnings.length"), 20)
    assert "after a reload it joins as a new participant" in page.evaluate("heard.warnings[0]")
    wait_until("it does", lambda: not page.evaluate(KEPT), 10)
    assert page.evaluate(KIND) == "running"


def test_an_update_whose_charge_cannot_be_written_down_does_not_leave(coordinate, tabs):
    coordinator = coordinate(sum_prob=0.001, config=CONFIG)  # so the tab is to update
    page = with_a_disk(tabs, coordinator)
    page.evaluate(CARD, [SETTINGS])
    page.evaluate("p.start()")
    says(page, "ε = 0 of 8")
    wait_until("it waits for sums", lambda: page.evaluate("heard.trained"))
    fill(page)
    with playing(coordinator, machine(coordinator, Role.SUM)):
        wait_until("it fails", lambda: page.evaluate(KIND) == "failed", 40)
    assert "Free some space" in page.evaluate("p.state.error.message")
    assert page.evaluate("heard.messages") == []
    assert page.evaluate(KEPT)
    assert not page.evaluate("heard.budgets.at(-1).updates")
