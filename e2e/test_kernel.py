"""The kernel in Chromium, served and guarded as a coordinator does it, against CPython's masks."""

import base64
import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from playwright.sync_api import Error

from petal.mask import MaskConfig, MaskConfigPair, MaskObject, sum_masks

ROOT = Path(__file__).parents[1]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "masks.json").read_text())
PAIR, TRIPLE, QUAD = "Prime/F32/B0/M3", "Integer/F64/B0/M3", "Power2/F64/B6/M9"
# Its order is 2^128: seventeen bytes are drawn of which an element keeps sixteen.
BORDER = "Power2/F64/B6/M12"
LENGTHS = [0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 511, 512, 513]
LIBRARY = """async () => {
  const { KernelPool, supported } = await import("/petal/kernel/pool.js");
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const text = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const sum = async (pool, { seeds, shape }) => {
    const masks = await pool.sum(seeds.map(bytes), {
      ...shape, order: bytes(shape.order), unitOrder: bytes(shape.unitOrder),
    });
    return [text(masks.unit), text(masks.elements)];
  };
  globalThis.lib = { KernelPool, supported, bytes, text, sum };
}"""
SUM = """async ([workers, jobs]) => {
  const pool = new lib.KernelPool(workers ? { workers } : {});
  try {
    return await Promise.all(jobs.map((job) => lib.sum(pool, job)));
  } finally {
    pool.close();
  }
}"""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A bare document of the coordinator's origin, under the page's own security policy."""
    from .conftest import CONFIG
    from .processes import Coordinator

    coordinator = Coordinator(tmp_path_factory.mktemp("kernel"), CONFIG.format(sum_prob=0.3))
    page = browser.new_page()
    page.goto(f"{coordinator.url}/petal/kernel/pool.js")
    page.evaluate(LIBRARY)
    yield page
    page.close()
    coordinator.program.stop()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def order_bytes(order: int) -> str:
    return text(order.to_bytes((order.bit_length() + 7) // 8, "little"))


def shape(length: int, config: MaskConfigPair) -> dict:
    return {
        "length": length,
        "order": order_bytes(config.vect.order),
        "limbs": config.vect.limbs,
        "unitOrder": order_bytes(config.unit.order),
        "unitLimbs": config.unit.limbs,
    }


def ask(page, jobs: list, workers: int | None = None) -> list[MaskObject]:
    """The pool's sums for jobs of (seeds, length, config)."""
    jobs = [(seeds, length, MaskConfigPair.of(config)) for seeds, length, config in jobs]
    asked = [
        {"seeds": [text(s) for s in seeds], "shape": shape(length, config)}
        for seeds, length, config in jobs
    ]
    answers = page.evaluate(SUM, [workers, asked])
    return [
        _masks(length, config, *map(base64.b64decode, answer))
        for (_, length, config), answer in zip(jobs, answers, strict=True)
    ]


def _masks(length: int, config: MaskConfigPair, unit: bytes, elements: bytes) -> MaskObject:
    limbs = np.frombuffer(elements, "<u8").reshape(length, config.vect.limbs)
    return MaskObject(config, limbs, int.from_bytes(unit, "little"))


def config_of(case: dict) -> MaskConfig:
    return MaskConfig.parse("/".join(case[k] for k in ("group", "data", "bound", "model")))


def test_every_mask_of_the_golden_vectors(page):
    cases = VECTORS["short"]
    jobs = [([bytes.fromhex(c["seed"])], c["length"], config_of(c)) for c in cases]
    for case, mask in zip(cases, ask(page, jobs), strict=True):
        assert (mask.unit, mask.vect) == (int(case["unit"]), [int(n) for n in case["vect"]])
    assert len(cases) == 240


def test_the_long_masks_of_the_golden_vectors(page):
    cases = VECTORS["long"]
    jobs = [([bytes.fromhex(c["seed"])], c["length"], config_of(c)) for c in cases]
    for case, mask in zip(cases, ask(page, jobs), strict=True):
        assert hashlib.sha256(mask.to_bytes()).hexdigest() == case["sha256_of_mask_object"]
    assert len(cases) == 5


@pytest.mark.parametrize("vect", [PAIR, TRIPLE, QUAD, BORDER])
@pytest.mark.parametrize("unit", [PAIR, TRIPLE])
def test_lengths_around_the_borders_of_blocks(page, vect, unit):
    """A unit of three words leaves draws of two at odd positions."""
    pick = random.Random(f"{vect} {unit}")
    config = MaskConfigPair(MaskConfig.parse(vect), MaskConfig.parse(unit))
    jobs = [([pick.randbytes(32) for _ in range(3)], length, config) for length in LENGTHS]
    assert ask(page, jobs) == [sum_masks(*job) for job in jobs]


@pytest.mark.parametrize("config", [PAIR, TRIPLE, BORDER])
@pytest.mark.parametrize("seeds", [0, 1, 2, 7])
def test_any_number_of_workers_gives_the_same_sum(page, config, seeds):
    pick = random.Random(seeds)
    job = [pick.randbytes(32) for _ in range(seeds)], 20_000, MaskConfig.parse(config)
    want = sum_masks(*job)
    for workers in (1, 2, 3, None):
        assert ask(page, [job], workers) == [want]


def test_sums_asked_for_at_once_do_not_mix(page):
    pick = random.Random(5)
    jobs = [([pick.randbytes(32)] * n, 1000, MaskConfig.parse(PAIR)) for n in (4, 1, 3)]
    assert ask(page, jobs, 2) == [sum_masks(*job) for job in jobs]


def test_the_pool_answers_over_a_port(page):
    pick = random.Random(6)
    job = [pick.randbytes(32)], 100, MaskConfigPair.of(MaskConfig.parse(PAIR))
    asked = {"seeds": [text(job[0][0])], "shape": shape(*job[1:])}
    answer = page.evaluate(
        """async (job) => {
          const { Rpc } = await import("/petal/shared/rpc.js");
          const pool = new lib.KernelPool();
          const port = pool.port();
          const rpc = new Rpc(port, {});
          port.start();
          const asking = { sum: (seeds, shape) => rpc.call("sumMasks", [seeds, shape]) };
          try { return await lib.sum(asking, job); } finally { pool.close(); }
        }""",
        asked,
    )
    assert _masks(100, job[2], *map(base64.b64decode, answer)) == sum_masks(*job)


def test_the_key_stream_goes_on_where_the_counter_outgrows_32_bits(page):
    key, last = bytes(range(32)), (1 << 30) - 1
    words = page.evaluate(
        """async ([key, group]) => {
          const answer = fetch("/petal/kernel/mask.wasm");
          const { instance: { exports } } = await WebAssembly.instantiateStreaming(answer);
          const memory = new Uint8Array(exports.memory.buffer);
          memory.set(lib.bytes(key), exports.seed_address());
          const address = exports.fill(BigInt(group));
          return lib.text(memory.subarray(address, address + 2 * 256));
        }""",
        [text(key), last],
    )
    # Two groups of four blocks: [group, word, lane] to the order of the stream.
    got = np.frombuffer(base64.b64decode(words), "<u4").reshape(2, 16, 4).transpose(0, 2, 1)
    # OpenSSL's counter ends there, so each side is made on its own.
    nonces = ((4 * group).to_bytes(8, "little") + bytes(8) for group in (last, last + 1))
    ciphers = [Cipher(ChaCha20(key, nonce), mode=None).encryptor() for nonce in nonces]
    assert got.tobytes() == b"".join(cipher.update(bytes(256)) for cipher in ciphers)


def test_nothing_of_a_seed_stays_behind(page):
    left = page.evaluate(
        """async (shape) => {
          const { MaskSum } = await import("/petal/kernel/mask_sum.js");
          const module = await WebAssembly.compileStreaming(fetch("/petal/kernel/mask.wasm"));
          const real = WebAssembly.Instance;
          let memory;
          WebAssembly.Instance = function (...args) {
            const instance = new real(...args);
            memory = instance.exports.memory;
            return instance;
          };
          const order = lib.bytes(shape.order);
          const sum = new MaskSum(module, { ...shape, order, unitOrder: order });
          WebAssembly.Instance = real;
          const before = new Uint8Array(memory.buffer).slice();
          const seed = new Uint8Array(32).fill(0xa7);
          sum.add(seed);
          const changed = () => new Uint8Array(memory.buffer)
            .reduce((n, byte, i) => n + (byte !== before[i]), 0);
          const during = changed();
          sum.take();
          return { seed: Array.from(seed), during, after: changed() };
        }""",
        shape(1000, MaskConfigPair.of(MaskConfig.parse(PAIR))),
    )
    assert left["seed"] == [0] * 32
    # While the sum is made there are its elements and the order's own bytes, then the order only.
    assert 5000 < left["during"] < 6020
    assert left["after"] <= 6


def test_a_sum_too_large_for_memory_is_an_error_that_the_pool_outlives(page):
    huge = shape(2**28, MaskConfigPair.of(MaskConfig.parse(TRIPLE)))
    with pytest.raises(Error, match="RangeError"):
        page.evaluate(SUM, [2, [{"seeds": [text(bytes(32))], "shape": huge}]])
    pick = random.Random(7)
    good = [pick.randbytes(32)], 50, MaskConfigPair.of(MaskConfig.parse(PAIR))
    outcome = page.evaluate(
        """async ([huge, good]) => {
          const pool = new lib.KernelPool({ workers: 1 });
          const failing = lib.sum(pool, huge).catch((error) => error.name);
          try { return [await failing, ...await lib.sum(pool, good)]; } finally { pool.close(); }
        }""",
        [
            {"seeds": [text(bytes(32))], "shape": huge},
            {"seeds": [text(good[0][0])], "shape": shape(*good[1:])},
        ],
    )
    assert outcome[0] == "RangeError"
    assert _masks(50, good[2], *map(base64.b64decode, outcome[1:])) == sum_masks(*good)


@pytest.mark.parametrize("how", ["abort", "close"])
def test_a_sum_that_is_no_longer_wanted_ends_at_once(page, how):
    """A thousand masks of a million weights would take a minute."""
    outcome = page.evaluate(
        """async ([shape, how]) => {
          const order = lib.bytes(shape.order);
          const abort = new AbortController();
          let begun;
          const started = new Promise((resolve) => (begun = resolve));
          const pool = new lib.KernelPool({ workers: 2, progress: begun });
          const seeds = Array.from({ length: 1000 }, () => new Uint8Array(32));
          const sum = pool.sum(seeds, { ...shape, order, unitOrder: order }, abort.signal)
            .then(() => "finished", (error) => error.name);
          await started;
          how === "abort" ? abort.abort() : pool.close();
          const name = await sum;
          pool.close();
          return name;
        }""",
        [shape(10**6, MaskConfigPair.of(MaskConfig.parse(PAIR))), how],
    )
    assert outcome == "AbortError"


def test_progress_counts_the_seeds(page):
    counted = page.evaluate(
        """async (shape) => {
          const order = lib.bytes(shape.order);
          const counted = [];
          const progress = (...step) => counted.push(step);
          const pool = new lib.KernelPool({ workers: 2, progress });
          const seeds = Array.from({ length: 5 }, () => new Uint8Array(32));
          await pool.sum(seeds, { ...shape, order, unitOrder: order });
          pool.close();
          return counted;
        }""",
        shape(10, MaskConfigPair.of(MaskConfig.parse(PAIR))),
    )
    assert counted == [[done, 5] for done in range(1, 6)]


def test_simd_is_found_where_it_is_and_not_where_it_is_not(page):
    assert page.evaluate("lib.supported()") is True
    refused = """() => {
      const real = WebAssembly.validate;
      WebAssembly.validate = () => false;
      try { return lib.supported(); } finally { WebAssembly.validate = real; }
    }"""
    assert page.evaluate(refused) is False
