"""Differential privacy in a tab: what leaves is noised, and what it costs is shown and kept."""

from fractions import Fraction

import numpy as np

from petal.mask import MaskConfig
from petal.privacy import LocalPrivacy, lattice_for
from petal.round import Role

from . import axe
from .cast import CONFIG, machine, playing
from .conftest import CONFIG as ROUNDS
from .processes import wait_until

UPDATES = 2
ASKED = LocalPrivacy.for_updates(UPDATES, clip=0.5, epsilon=8)
CARD = """async ([privacy]) => {
  await import("/petal/element.js");
  globalThis.heard = { roles: [], messages: [], budgets: [], warnings: [], trained: 0 };
  const card = document.createElement("petal-participant");
  card.setAttribute("persist", "me");
  card.setAttribute("privacy", privacy);
  card.train = async (_model, { round }) => {
    heard.trained += 1;
    return { weights: new Float32Array(round.modelLength).fill(1), scalar: 7 };
  };
  const p = globalThis.p = card.participant;
  p.addEventListener("role", ({ detail }) => heard.roles.push(detail.role));
  p.addEventListener("message", ({ detail }) => heard.messages.push(detail));
  p.addEventListener("privacy", ({ detail }) => heard.budgets.push(detail));
  p.addEventListener("warning", ({ detail }) => heard.warnings.push(detail.message));
  document.body.append(card);
  globalThis.card = card;
}"""
SAYS = """() => card.shadowRoot.querySelector('[part="privacy"]').textContent"""
SETTINGS = f"epsilon=8 clip=0.5 updates={UPDATES}"


def says(page, text: str) -> None:
    wait_until(f"the card says {text}", lambda: text in page.evaluate(SAYS))


def published(coordinator, page, former=None):
    def look():
        page.evaluate("0")
        found = coordinator.model()
        return found if found and found[0] != (former and former[0]) else None

    return wait_until("a global model", look)


def test_what_leaves_a_tab_is_noised_and_a_reload_forgets_no_budget(coordinate, tabs):
    coordinator = coordinate(sum_prob=0.001, config=CONFIG)  # so the tab is to update
    page = tabs.plain(coordinator.url)
    page.evaluate(CARD, [SETTINGS])
    others = [machine(coordinator, Role.UPDATE) for _ in range(2)]
    with playing(coordinator, *others, machine(coordinator, Role.SUM)):
        page.evaluate("p.start()")
        first = published(coordinator, page)
        says(page, "Privacy budget spent: ε = 5.38 of 8. 1 more update can follow.")

        # The others send 0.25 and 0.5, the tab trained to 1: its update has a norm of 63.
        sent = 3 * first[1].astype(float) - 0.25 - 0.5
        sigma = ASKED.clip * ASKED.noise_multiplier
        assert abs(sent.std() / sigma - 1) < 0.1
        assert abs(sent.mean() - 0.5 / 4000**0.5) < 5 * sigma / 4000**0.5
        [warning] = page.evaluate("heard.warnings")
        assert "own scalar, 1; the one that training gives is left aside" in warning
        kept = page.evaluate("heard.budgets").pop()
        assert kept["updates"] == 1

        page.reload()
        page.evaluate(CARD, [SETTINGS])
        says(page, "ε = 5.38 of 8")  # by itself: it was cut off while taking part
        assert page.evaluate("heard.budgets[0]") == kept
        assert page.evaluate("p.budget") == page.evaluate("heard.budgets.at(-1)")

        with playing(coordinator, machine(coordinator, Role.SUM)):
            second = published(coordinator, page, first)
            says(page, "ε = 8 of 8. No further update leaves this tab")
            wait_until("a round without it", lambda: "none" in page.evaluate("heard.roles"))
    assert page.evaluate("heard.trained") <= 1
    assert len(page.evaluate("heard.messages")) <= 1
    assert np.abs(second[1]).max() < 10
    assert page.evaluate("card.shadowRoot.querySelector('[part=state]').textContent")


def test_a_participant_kept_without_noise_makes_way_for_a_new_one(coordinate, tabs):
    page = tabs.plain(coordinate(config=CONFIG).url)
    page.evaluate("""async () => {
      const { Participant } = await import("/petal/petal.js");
      const train = (_model, { round }) => new Float32Array(round.modelLength);
      const before = new Participant({ train, persist: "me" });
      await before.start();
      await before.stop();
      before.close();
      globalThis.told = [];
      globalThis.p = new Participant({
        train, persist: "me", privacy: { epsilon: 8, clip: 1, noiseMultiplier: 3 },
      });
      p.addEventListener("warning", ({ detail }) => told.push(detail.message));
      await p.start();
    }""")
    wait_until("it has a budget", lambda: page.evaluate("p.budget"))
    assert page.evaluate("p.budget.left") == 4
    assert "joins as a new participant" in page.evaluate("told[0]")
    assert "without differential privacy" in page.evaluate("told[0]")


AGAIN = """async (privacy) => {
  const { Participant } = await import("/petal/petal.js");
  const train = (_model, { round }) => new Float32Array(round.modelLength);
  globalThis.p = new Participant({ train, privacy });
  return p.interrupted();
}"""


def test_a_tab_with_noise_is_kept_unless_its_page_says_no(coordinate, tabs):
    page = tabs.plain(coordinate(config=CONFIG).url)
    privacy = {"epsilon": 8, "clip": 1, "updates": 3}
    assert not page.evaluate(AGAIN, privacy)
    page.evaluate("p.start()")
    wait_until("it has a budget", lambda: page.evaluate("p.budget"))
    page.reload()
    assert not page.evaluate(AGAIN)
    assert page.evaluate(AGAIN, privacy)


REFUSED = {
    "TypeError: privacy needs either updates or noiseMultiplier": {"epsilon": 8, "clip": 1},
    "TypeError: privacy needs clip": {"epsilon": 8, "updates": 3},
    "TypeError: privacy.epsilon must be a number above 0, not -8": {"epsilon": -8, "clip": 1},
    "TypeError: privacy.clip must be a number above 0, not one": {"epsilon": 8, "clip": "one"},
    "TypeError: privacy has no setting klip, only epsilon, clip": {"epsilon": 8, "klip": 1},
    "privacy.updates must be a whole number": {"epsilon": 8, "clip": 1, "updates": 1.5},
    "PrivacyError: a budget of epsilon 1 at delta 1e-06 does not pay for one update": {
        "epsilon": 1,
        "clip": 1,
        "noiseMultiplier": 1,
    },
}


def test_settings_without_sense_are_refused(coordinate, tabs):
    page = tabs.plain(coordinate(config=CONFIG).url)
    told = page.evaluate(
        """async (asked) => {
          const { Participant } = await import("/petal/petal.js");
          const refusal = async (privacy) => {
            const p = new Participant({ train: () => {}, privacy });
            const failed = new Promise((resolve) =>
              p.addEventListener("error", ({ detail }) => resolve(detail)));
            await p.start();
            const { name, message } = await failed;
            return `${name}: ${message}`;
          };
          return Promise.all(asked.map((privacy) => refusal(privacy).catch(String)));
        }""",
        list(REFUSED.values()),
    )
    for says, got in zip(REFUSED, told, strict=True):
        assert says in got


COMPUTE = """
import hashlib
import numpy as np
from petal.mask import MaskConfig, MaskConfigPair
from petal.privacy import Noise, discrete_gaussian, encode_noised

def draw(log2_sigma):
    drawn = discrete_gaussian(bytes(range(32)), int(log2_sigma), 40_000)
    return hashlib.sha256(drawn.tobytes()).hexdigest()

def noised(name):
    pair = MaskConfigPair.of(MaskConfig.parse(name))
    base = np.linspace(-1, 1, 500).astype(pair.vect.data.dtype)
    vect = encode_noised(base / 2, 1, pair, Noise(0.5, 1.0, bytes(32), base)).vect
    return [str(element) for element in vect]

def train(model, round):
    return None
"""


def test_a_tab_draws_the_very_noise_that_cpython_draws(coordinate, tabs):
    page = tabs.plain(coordinate(config=CONFIG).url)
    page.evaluate(
        """async (source) => {
          const { Participant } = await import("/petal/petal.js");
          globalThis.p = new Participant({ train: { python: source } });
          await p.load();
        }""",
        COMPUTE,
    )
    native = {}
    exec(COMPUTE, native)  # noqa: S102, the text above
    for log2_sigma in (8, 33, 48):
        got = page.evaluate("(asked) => p.call('draw', asked)", log2_sigma)
        assert got == native["draw"](log2_sigma)
    for name in ("Prime/F32/B2/M3", "Integer/F64/B4/M6", "Prime/F64/Bmax/M3"):
        config = MaskConfig.parse(name)
        grain = lattice_for(config, Fraction(1), 0.5, 1.0).grain
        got = map(int, page.evaluate("(asked) => p.call('noised', asked)", name))
        want = map(int, native["noised"](name))
        # The clipped update is computed in floats, which may round elsewhere in its last bits.
        assert max(abs(a - b) for a, b in zip(got, want, strict=True)) <= 16 * grain


def test_the_page_adds_noise_when_asked_and_shows_the_budget(coordinate, tabs, natives):
    coordinator = coordinate(sum_prob=0.2, config=ROUNDS)
    page = tabs(f"{coordinator.url}/?epsilon=8&clip=0.5&updates=3")
    assert page.is_checked("#use-noise")
    assert "ε = 8 over 3 updates" in page.inner_text("#noise-note")
    natives(coordinator.url, range(5))
    wait_until("data is there", lambda: " in this tab" in page.inner_text("#data-note"))
    page.click("#join")
    wait_until("nothing is spent", lambda: "ε = 0 of 8. 3 more" in page.inner_text("#budget"))
    assert page.is_disabled("#use-noise")
    assert axe.violations(page) == []
    wait_until("one update is", lambda: "2 more updates" in page.inner_text("#budget"), 120)
    assert not page.is_visible("#banner")
    page.click("#join")
    wait_until("it has left", lambda: page.is_enabled("#use-noise"))
    page.reload()
    wait_until("it remembers", lambda: page.is_checked("#use-noise"))
    page.goto(coordinator.url)  # without the settings in the address
    wait_until("it remembers still", lambda: page.is_checked("#use-noise"))
    wait_until("data is there", lambda: " in this tab" in page.inner_text("#data-note"))
    page.uncheck("#use-noise")
    wait_until("a new participant", lambda: page.is_hidden("#budget"))
    page.click("#join")
    wait_until("it takes part", lambda: page.inner_text("#join") == "Stop")
    wait_until("in a round", lambda: "round" in page.inner_text("#activity").lower(), 60)
    assert page.is_hidden("#budget")


def test_an_address_that_asks_for_endless_noise_does_not_keep_the_page_away(coordinate, tabs):
    page = tabs(f"{coordinate(config=CONFIG).url}/?epsilon=1e999&clip=0.5")
    wait_until("it is set up", lambda: "ε = 8 over" in page.inner_text("#noise-note"), 20)
    wait_until("by hand it can be", lambda: page.is_checked("#use-noise"), 20)
