"""The examples for engineers, as their first lines say to run them."""

import re
import subprocess
import sys

import pytest

from .coordinator import ROOT, SECONDS, coordinator

EXAMPLE = ROOT / "examples" / "scikit_learn"


def test_scikit_learn_parties_train_one_model(tmp_path):
    length = int(re.search(r"^length = (\d+)", (EXAMPLE / "config.toml").read_text(), re.M)[1])
    with coordinator(tmp_path, "Prime/F32/B4/M3", length) as running:
        command = [sys.executable, EXAMPLE / "train.py", running.url]
        parties = [
            subprocess.Popen([*command, str(party % 4)], stdout=subprocess.PIPE, text=True)
            for party in range(8)  # of four alone, one round in three has the roles it needs
        ]
        told = [party.communicate(timeout=2 * SECONDS)[0] for party in parties]
    assert [party.returncode for party in parties] == [0] * 8
    accuracies = [float(line.removeprefix("accuracy ")) for line in told]
    assert accuracies == [pytest.approx(accuracies[0])] * 8  # one model, to all
    assert accuracies[0] > 0.9
