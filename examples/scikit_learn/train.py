"""A logistic regression of scikit-learn, trained together with others.

    petal serve -c examples/scikit_learn/config.toml
    python examples/scikit_learn/train.py http://127.0.0.1:8081 0    # and 1, 2, 3 elsewhere

Each party has a quarter of scikit-learn's wine samples, which never leaves its process. It prints
how well the global model does on samples that nobody trains on.
"""

import sys

import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

from petal.client import participate
from petal.model import Layout

PARTIES, ROUNDS = 4, 6

samples, labels = load_wine(return_X_y=True)
samples = StandardScaler().fit_transform(samples)
order = np.random.default_rng(0).permutation(len(labels))
held_out, *mine = np.array_split(order, PARTIES + 1)


def fresh() -> SGDClassifier:
    """A classifier that has its shapes, from one sample of each class, and has learned little."""
    first = np.unique(labels, return_index=True)[1]
    return SGDClassifier(loss="log_loss", random_state=0).fit(samples[first], labels[first])


classifier = fresh()
layout = Layout.of(classifier)


def main(url: str, party: int) -> None:
    own = mine[party]

    def train(model, params):
        if model is not None:
            layout.write(model, classifier)
        for _ in range(5):
            classifier.partial_fit(samples[own], labels[own])
        return layout.flatten(classifier)

    layout.write(participate(url, train, rounds=ROUNDS), classifier)
    print(f"accuracy {classifier.score(samples[held_out], labels[held_out]):.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
