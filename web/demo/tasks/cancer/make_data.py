"""Make cancer.csv from the copy of the UCI data that scikit-learn ships.

    python -m venv /tmp/sk && /tmp/sk/bin/pip install scikit-learn
    /tmp/sk/bin/python make_data.py

Prints the scale that cancer.py brings the features to, taken from the held-out rows alone.
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

HELD_OUT_EVERY = 5


def main() -> None:
    data = load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    kinds = [str(data.target_names[target]) for target in data.target]
    with Path(__file__).with_name("cancer.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*names, "diagnosis"])
        out.writerows([*map(_short, row), kind] for row, kind in zip(data.data, kinds, strict=True))
    held_out = np.concatenate([np.flatnonzero(data.target == k)[::HELD_OUT_EVERY] for k in (0, 1)])
    shown = data.data[held_out]
    print("MIDDLE =", tuple(float(f"{value:.3g}") for value in shown.mean(axis=0)))
    print("SPREAD =", tuple(float(f"{value:.3g}") for value in shown.std(axis=0)))


def _short(value: float) -> str:
    return f"{value:.6g}"


if __name__ == "__main__":
    main()
