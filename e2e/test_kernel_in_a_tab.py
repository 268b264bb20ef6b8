"""Python in a tab masks models and sums masks by the kernel, and without it to the same bytes."""

import random
from pathlib import Path

import pytest

from . import kernel_work
from .processes import wait_until

START = """async ([source, simd]) => {
  const { Participant } = await import("/petal/petal.js");
  const real = WebAssembly.validate;
  if (!simd) WebAssembly.validate = () => false;
  globalThis.p = new Participant({ train: { python: source } });
  globalThis.heard = { warnings: [], progress: [] };
  p.addEventListener("warning", ({ detail }) => heard.warnings.push(detail.message));
  p.addEventListener("progress", ({ detail }) => heard.progress.push(detail));
  try { await p.load(); } finally { WebAssembly.validate = real; }
}"""
PICK = random.Random(1)
SEEDS = [PICK.randbytes(32).hex() for _ in range(5)]
CASES = [
    (kind, seeds, length, config)
    for config in ("Prime/F32/B0/M3", "Integer/F64/B0/M3", "Power2/F64/B6/M12")
    for kind, seeds, length in [
        ("sum", SEEDS, 3000),
        ("sum", [], 10),
        ("sum", SEEDS, 0),
        ("mask", SEEDS[:1], 3000),
    ]
]


@pytest.fixture
def participant(coordinate, tabs):
    """A function that gives a page with a loaded participant `p`."""
    url = coordinate(sum_prob=0.3).url

    def start(*, simd: bool = True):
        page = tabs.plain(url)
        page.evaluate(START, [Path(kernel_work.__file__).read_text(), simd])
        return page

    return start


def call(page, name: str, *args):
    return page.evaluate("([name, args]) => p.call(name, ...args)", [name, args])


def test_the_kernel_gives_what_numpy_gives(participant):
    page = participant()
    assert call(page, "has_kernel")
    for case in CASES:
        assert call(page, "by_kernel", *case) == kernel_work.by_numpy(*case)
    assert page.evaluate("heard.warnings") == []
    steps = [(step["done"], step["total"]) for step in page.evaluate("heard.progress")]
    assert steps[:5] == [(done, 5) for done in range(1, 6)]


def test_numpy_does_it_where_the_browser_lacks_simd(participant):
    page = participant(simd=False)
    assert not call(page, "has_kernel")
    for case in CASES[:4]:
        assert call(page, "by_numpy", *case) == kernel_work.by_numpy(*case)


@pytest.mark.rehearses_failure
def test_numpy_does_it_where_the_kernel_fails_and_the_page_is_told(participant):
    page = participant()
    page.route("**/mask.wasm", lambda route: route.abort())
    assert call(page, "by_kernel", *CASES[0]) == kernel_work.by_numpy(*CASES[0])
    assert "Masks are derived slowly" in page.evaluate("heard.warnings")[0]
    page.unroute("**/mask.wasm")
    assert call(page, "by_kernel", *CASES[0]) == kernel_work.by_numpy(*CASES[0])
    assert len(page.evaluate("heard.warnings")) == 1


def test_closing_the_participant_ends_the_workers(participant):
    page = participant()
    call(page, "by_kernel", *CASES[0])

    def working() -> bool:
        return any("kernel_worker.js" in worker.url for worker in page.workers)

    assert working()
    page.evaluate("p.close()")
    wait_until("no mask worker is left", lambda: page.evaluate("true") and not working())
