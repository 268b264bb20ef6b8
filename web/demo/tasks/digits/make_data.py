"""Make digits.npz from the copy of the UCI digits that scikit-learn ships.

    python -m venv /tmp/sk && /tmp/sk/bin/pip install scikit-learn
    /tmp/sk/bin/python make_data.py

Writes the same bytes every time: zip entries carry a fixed date.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

HELD_OUT_PER_DIGIT = 36


def held_out_rows(labels: np.ndarray) -> np.ndarray:
    """A mask with the same number of rows of every digit, evenly spread over the writers."""
    mask = np.zeros(len(labels), bool)
    for digit in range(10):
        rows = np.flatnonzero(labels == digit)
        picks = np.linspace(0, len(rows) - 1, HELD_OUT_PER_DIGIT).round().astype(int)
        mask[rows[picks]] = True
    return mask


def main() -> None:
    digits = load_digits()
    arrays = {
        "images": digits.data.astype(np.uint8),
        "labels": digits.target.astype(np.uint8),
        "held_out": held_out_rows(digits.target),
    }
    target = Path(__file__).with_name("digits.npz")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1998, 7, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            body = io.BytesIO()
            np.save(body, array)
            archive.writestr(entry, body.getvalue())


if __name__ == "__main__":
    main()
