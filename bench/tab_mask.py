"""The row of the browser's kernel: masks derived and added in a tab, by WebAssembly workers."""

from collections.abc import Callable
from contextlib import ExitStack

from playwright.sync_api import Page, sync_playwright

from petal.mask import sum_masks

from .masks import OFFICIAL
from .measure import Candidate, Line, limit, rival, side_by_side, timed
from .official import Official, installed
from .scale import CONFIG, Run
from .server import Server, settings
from .tab import chromium

WORKERS = {1: 5, 2: 8}
"""How many, and how many times as fast as the native official client that should be."""

# A pool is made once and kept, as the page keeps it; what is timed is a sum, start to end.
_PREPARE = """async (workers) => {
  const { KernelPool } = await import("/petal/kernel/pool.js");
  globalThis.pools = Object.fromEntries(workers.map((n) => [n, new KernelPool({ workers: n })]));
}"""
_SUM = """async ([workers, count, shape]) => {
  const seeds = Array.from({ length: count }, () => crypto.getRandomValues(new Uint8Array(32)));
  const order = Uint8Array.from(shape.order);
  const begun = performance.now();
  const { elements } = await pools[workers].sum(seeds, { ...shape, order, unitOrder: order });
  const taken = performance.now() - begun;
  if (elements.byteLength !== 8 * shape.length) throw new Error("the sum has another length");
  return taken / 1000;
}"""


def tab_mask(run: Run) -> list[Line]:
    """The sum of masks in a tab, on 1 and 2 workers."""
    length, count = run.scale.weights, run.scale.seeds
    size = f"{count} masks of {length:,} weights"
    ours = {n: f"derive and add {size} in Chromium, {_workers(n)}" for n in WORKERS}
    native, seeds = "Petal in CPython, 1 thread", [bytes([i] * 32) for i in range(count)]
    with ExitStack() as stack:
        page = _page(stack)
        page.evaluate(_PREPARE, list(WORKERS))
        candidates = {ours[n]: _in_tab(page, n, count, length) for n in WORKERS}
        candidates[native] = timed(lambda: sum_masks(seeds, length, CONFIG))
        if installed():
            official = stack.enter_context(Official(CONFIG))
            candidates[OFFICIAL] = lambda: official.sum_masks(count, length)
        repeats = max(1, run.scale.repeats - 3)
        found = side_by_side(repeats, run.tell, candidates, slow=(OFFICIAL,))
    lines = []
    for n, at_least in WORKERS.items():
        mine = found[ours[n]]
        against = (
            [rival(mine, found[OFFICIAL], run.scale.target(at_least))] if OFFICIAL in found else []
        )
        lines.append(Line("tab-mask", mine, (limit(mine, found[native]), *against)))
    return lines


def _page(stack: ExitStack) -> Page:
    server = stack.enter_context(Server(settings(4, 1, 3, web={"enable": True})))
    context = stack.enter_context(chromium(stack.enter_context(sync_playwright())))
    page = context.pages[0]
    page.goto(f"{server.url}/petal/kernel/pool.js")
    return page


def _in_tab(page: Page, workers: int, count: int, length: int) -> Candidate:
    config = CONFIG.vect
    order = list(config.order.to_bytes((config.order.bit_length() + 7) // 8, "little"))
    shape = {"length": length, "order": order, "limbs": 1, "unitLimbs": 1}
    return lambda: page.evaluate(_SUM, [workers, count, shape])


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


ROWS: dict[str, Callable[[Run], list[Line]]] = {"tab-mask": tab_mask}
