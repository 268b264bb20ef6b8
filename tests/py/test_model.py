"""Arrays and scikit-learn's estimators as one vector, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier

from petal.errors import ModelShapeError
from petal.model import Layout

SHAPES = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), min_size=1, max_size=5)
IRIS = load_iris(return_X_y=True)


@given(SHAPES)
def test_arrays_come_back_as_they_went(shapes):
    random = np.random.default_rng(len(shapes))
    arrays = [random.normal(size=shape).astype("float32") for shape in shapes]
    layout = Layout.of(arrays)
    vector = layout.flatten(arrays)
    assert vector.dtype == np.float32
    assert vector.shape == (layout.length,)
    for one, other in zip(arrays, layout.split(vector), strict=True):
        assert one.shape == other.shape
        assert (one == other).all()


def test_a_dictionary_keeps_its_order_and_one_array_is_a_model_too():
    named = {"weight": np.ones((2, 3)), "bias": np.zeros(2)}
    assert Layout.of(named).flatten(named, "float64").tolist() == [1] * 6 + [0] * 2
    assert Layout.of(np.ones((2, 2))).length == 4


def test_what_is_split_is_a_copy():
    layout, vector = Layout.of([np.zeros(3)]), np.zeros(3)
    layout.split(vector)[0][0] = 7
    assert vector[0] == 0


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        LinearRegression(),
        SGDClassifier(random_state=0),
        MLPClassifier(hidden_layer_sizes=(5, 4), max_iter=400, tol=1e-2, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_estimator_predicts_alike_with_weights_that_went_as_a_vector(estimator):
    estimator.fit(*IRIS)
    before = estimator.predict(IRIS[0])
    layout = Layout.of(estimator)
    vector = layout.flatten(estimator, "float64")
    layout.write(np.zeros(layout.length), estimator)
    assert (estimator.predict(IRIS[0]) != before).any()
    layout.write(vector, estimator)
    assert (estimator.predict(IRIS[0]) == before).all()


def test_an_estimator_goes_on_learning_from_what_was_written():
    estimator = MLPClassifier(learning_rate_init=0.02, max_iter=400, tol=1e-2, random_state=0).fit(
        *IRIS
    )
    layout = Layout.of(estimator)
    layout.write(layout.flatten(estimator) / 10, estimator)
    forgotten = estimator.score(*IRIS)
    for _ in range(100):
        estimator.partial_fit(*IRIS)
    assert estimator.score(*IRIS) > max(0.9, forgotten)


@pytest.mark.parametrize("model", [SGDClassifier(), object(), 3.0])
def test_what_has_no_weights_yet_says_what_to_do(model):
    with pytest.raises(ModelShapeError, match="fit it on a few rows"):
        Layout.of(model)


def test_other_shapes_are_told():
    layout = Layout.of([np.zeros((2, 3)), np.zeros(2)])
    with pytest.raises(ModelShapeError, match=r"\(2, 3\).*not \(\(3, 2\), \(2,\)\)"):
        layout.flatten([np.zeros((3, 2)), np.zeros(2)])
    with pytest.raises(ModelShapeError, match=r"vector of 8 was expected, not \(9,\)"):
        layout.split(np.zeros(9))
    with pytest.raises(ModelShapeError):
        layout.write(np.zeros(8), SGDClassifier().fit(*IRIS))
