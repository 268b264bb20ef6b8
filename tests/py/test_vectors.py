"""The golden vectors, all of them, in CPython."""

import json
from pathlib import Path

import pytest

from . import vector_checks

VECTORS = Path(__file__).parents[1] / "vectors"
# How many cases each check must have compared: a vector file cut short must not pass.
EXPECTED = {
    "crypto": dict(zip(vector_checks.CRYPTO, (4, 4, 4, 360, 3, 11), strict=True)),
    "masks": dict(zip(vector_checks.MASKS, (240, 5), strict=True)),
    "masking": dict(zip(vector_checks.MASKING, (240,), strict=True)),
    "wire": dict(zip(vector_checks.WIRE, (3, 3, 3, 5), strict=True)),
}


@pytest.mark.parametrize(
    ("file", "check"),
    [(file, check) for file, checks in EXPECTED.items() for check in checks],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_golden_vectors(file, check):
    data = json.loads((VECTORS / f"{file}.json").read_text())
    assert check(data) == EXPECTED[file][check]
