"""What noise does to the demo's digits: `python -m bench.privacy` prints the table of
docs/differential-privacy.md. Not part of `make bench`: it takes a minute, and measures no time.

Every round, each of the 20 parties trains on its own images from the global model. Each of the N
participants holds one party's images; all send updates through `petal.privacy`, so the mean is
that of N clipped, noised updates. Nothing is masked: the mean is the same with masks.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np

from petal.mask import MaskConfig
from petal.privacy import Lattice, LocalPrivacy, discrete_gaussian, lattice_for
from petal.privacy.update import update_steps

TASK = Path(__file__).parents[1] / "web/demo/tasks/digits"
sys.path.insert(0, str(TASK))
import digits  # noqa: E402, the demo's task is no package

ROUNDS = 10


def accuracy(participants: int, privacy: LocalPrivacy | None) -> float:
    """Of the global model after ROUNDS rounds, on images that nobody trained on."""
    data = digits.load(TASK / "digits.npz")
    hands, model = digits.shards(data), digits.first_model()
    config = MaskConfig.parse(digits.CONFIG)
    for number in range(ROUNDS):
        trained = [digits.train(model, hand, number) for hand in hands]
        if privacy is None:
            model = np.mean(trained, axis=0, dtype=np.float64).astype(np.float32)
            continue
        lattice = lattice_for(config, 1, privacy.clip, privacy.noise_multiplier)
        steps = [update_steps(each, model, privacy.clip, lattice) for each in trained]
        total = _sum(steps, lattice, participants, number)
        model = (model + total / (participants * lattice.scale)).astype(np.float32)
    return digits.evaluate(model, data.held_out)


def _sum(steps: list[np.ndarray], lattice: Lattice, participants: int, number: int) -> np.ndarray:
    """Of everybody's noised steps. Noise is drawn for 20 participants at a time, to be quick."""
    length, groups = len(steps[0]), participants // len(steps)
    total = np.sum(steps, axis=0, dtype=np.float64) * groups
    for group in range(groups):
        seed = hashlib.sha256(f"{number}/{group}".encode()).digest()
        noise = discrete_gaussian(seed, lattice.log2_sigma, len(steps) * length)
        total += noise.reshape(-1, length).sum(axis=0)
    return total


def main() -> None:
    """The table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--participants", type=int, nargs="+", default=[20, 100, 1000, 10_000])
    parser.add_argument("--epsilon", type=float, nargs="+", default=[2, 8, 32, 128])
    asked = parser.parse_args()
    print(f"no noise, no clipping: {accuracy(20, None):.1%}")
    print("| epsilon | noise a weight | " + " | ".join(f"{n:,}" for n in asked.participants) + " |")
    for epsilon in asked.epsilon:
        privacy = LocalPrivacy.for_updates(ROUNDS, clip=asked.clip, epsilon=epsilon)
        cells = [f"{accuracy(n, privacy):.1%}" for n in asked.participants]
        noise = privacy.clip * privacy.noise_multiplier
        print(f"| {epsilon:g} | {noise:.2f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
