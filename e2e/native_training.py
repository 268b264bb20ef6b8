"""What a native participant of the tests trains: the demo's digits, one party's share."""

import os
import sys
from pathlib import Path

TASK = Path(__file__).parents[1] / "web" / "demo" / "tasks" / "digits"
sys.path.append(str(TASK))

import digits  # noqa: E402

SHARD = digits.shards(digits.load(TASK / "digits.npz"))[int(os.environ["PETAL_E2E_PARTY"])]


def train(model, round):
    return digits.train(model, SHARD), digits.weight(SHARD)
