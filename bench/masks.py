"""Rows of the participant: derive masks, add them, mask a model."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np

from petal.crypto import key_stream
from petal.mask import MaskConfig, Masker, derive_mask, sum_masks

from .measure import Candidate, Line, Reading, limit, rival, side_by_side, timed
from .official import Official, installed
from .scale import CONFIG, Run

OFFICIAL = "official client"
_PIECE = 1 << 18


def key_stream_bytes(config: MaskConfig, length: int) -> int:
    """Bytes of key stream that so many elements take on average."""
    kept = (config.order.bit_length() + 7) // 8
    drawn = -(-kept // 4) * 4
    return round(length * drawn * 256**kept / config.order)


def mask(run: Run) -> list[Line]:
    """Derive one mask, on one thread."""
    return [line for length in run.scale.masks for line in _mask(run, length)]


def _mask(run: Run, length: int) -> list[Line]:
    seed, size = os.urandom(32), f"{length:,} weights"
    ours, added = f"derive a mask of {size}", f"derive a mask of {size} and add it"
    raw = f"key stream alone, {_megabytes(length)}"
    # Enough seeds that what a transition costs besides them is small next to their difference.
    more = max(2, min(20, 2_000_000 // length))
    candidates = {
        ours: timed(lambda: derive_mask(seed, length, CONFIG)),
        raw: timed(lambda: fill(seed, key_stream_bytes(CONFIG.vect, length))),
        added: timed(lambda: sum_masks([seed], length, CONFIG)),
    }
    with ExitStack() as stack:
        if installed():
            official = stack.enter_context(Official(CONFIG))
            candidates[OFFICIAL] = _difference(official, length, more)
        found = side_by_side(run.scale.repeats, run.tell, candidates, slow=(OFFICIAL,))
    largest = length == run.scale.masks[-1]
    most, least = (run.scale.target(each) if largest else None for each in (1.6, 8))
    beside = (rival(found[added], found[OFFICIAL], least),) if OFFICIAL in found else ()
    return [
        Line("mask", found[ours], (limit(found[ours], found[raw], most),)),
        Line("mask", found[added], beside),
    ]


def _difference(official: Official, length: int, more: int) -> Candidate:
    """Its seconds for one mask: what `more` seeds besides the first take, divided by `more`."""

    def run() -> float:
        one, many = official.sum_masks(1, length), official.sum_masks(1 + more, length)
        return (many - one) / more

    return run


def sum2(run: Run) -> list[Line]:
    """What a sum participant does: derive the masks of all seeds and add them."""
    length, count = run.scale.weights, run.scale.seeds
    seeds = [os.urandom(32) for _ in range(count)]
    size = f"{count} masks of {length:,} weights"
    ours = {n: f"derive and add {size}, {_threads(n)}" for n in (1, 2)}
    raw = {n: f"key stream alone, {_megabytes(length * count)}, {_threads(n)}" for n in (1, 2)}
    amount = key_stream_bytes(CONFIG.vect, length)
    candidates = {}
    for n in (1, 2):
        candidates[ours[n]] = timed(lambda n=n: sum_masks(seeds, length, CONFIG, threads=n))
        candidates[raw[n]] = timed(lambda n=n: _fill_all(seeds, amount, n))
    with ExitStack() as stack:
        if installed():
            official = stack.enter_context(Official(CONFIG))
            candidates[OFFICIAL] = lambda: official.sum_masks(count, length)
        repeats = max(1, run.scale.repeats - 3)
        found = side_by_side(repeats, run.tell, candidates, slow=(OFFICIAL,))
    wanted = {1: run.scale.target(8), 2: run.scale.target(14)}
    return [_sum2_line(found, ours[n], raw[n], wanted[n]) for n in (1, 2)]


def _sum2_line(found: dict[str, Reading], ours: str, raw: str, at_least: float | None) -> Line:
    beside = [limit(found[ours], found[raw])]
    if OFFICIAL in found:
        beside.append(rival(found[ours], found[OFFICIAL], at_least))
    return Line("sum2", found[ours], tuple(beside))


def masking(run: Run) -> list[Line]:
    """What an update participant does: weights to group elements, and a mask over them."""
    length, masker = run.scale.weights, Masker(CONFIG)
    weights = np.random.default_rng(1).uniform(-1, 1, length).astype(np.float32)
    ours, raw = f"mask a model of {length:,} weights", f"key stream alone, {_megabytes(length)}"
    candidates: dict[str, Candidate] = {
        ours: timed(lambda: masker.mask(weights)),
        raw: timed(lambda: fill(bytes(32), key_stream_bytes(CONFIG.vect, length))),
    }
    with ExitStack() as stack:
        if installed():
            official = stack.enter_context(Official(CONFIG))
            candidates[OFFICIAL] = lambda: official.mask(length)
        found = side_by_side(run.scale.repeats, run.tell, candidates, slow=(OFFICIAL,))
    beside = [limit(found[ours], found[raw])]
    if OFFICIAL in found:
        beside.append(rival(found[ours], found[OFFICIAL], run.scale.target(30)))
    return [Line("masking", found[ours], tuple(beside))]


def fill(seed: bytes, amount: int) -> None:
    """Make so many bytes of key stream, in pieces that stay in the cache."""
    stream, piece = key_stream(seed), np.empty(_PIECE, np.uint8)
    for begin in range(0, amount, _PIECE):
        stream.fill(piece[: -(-min(_PIECE, amount - begin) // 64) * 64])


def _fill_all(seeds: list[bytes], amount: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda seed: fill(seed, amount), seeds))


def _megabytes(length: int) -> str:
    return f"{key_stream_bytes(CONFIG.vect, length) / 1e6:,.1f} MB"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


ROWS: dict[str, Callable[[Run], list[Line]]] = {"mask": mask, "sum2": sum2, "masking": masking}
