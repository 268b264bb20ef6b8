"""petal.client has xaynet_sdk's names, arguments, callbacks and exceptions."""

import importlib
import inspect
import json
import socket
import time
from abc import ABC

import numpy as np
import pytest

import petal.client as ours
from petal.client.local_model import to_weights
from petal.client.xaynet_sdk import LocalModelDataTypeMisMatch, LocalModelLengthMisMatch
from petal.mask import MaskConfig, MaskConfigPair
from petal.round import RoundParameters

from ...interop import official_wheel

if not official_wheel.EXISTS:
    pytest.skip(official_wheel.WHY_NOT, allow_module_level=True)
official = importlib.import_module("xaynet_sdk")

EXCEPTIONS = [
    name for name, value in vars(official.xaynet_sdk).items() if inspect.isclass(value)
    and issubclass(value, Exception)
]  # fmt: skip
CLASSES = ["ParticipantABC", "InternalParticipant", "AsyncParticipant"]


@pytest.fixture
def nowhere():
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_names():
    assert len(EXCEPTIONS) == 8
    for name in EXCEPTIONS:
        assert issubclass(getattr(ours.xaynet_sdk, name), Exception)
        assert getattr(ours, name) is getattr(ours.xaynet_sdk, name)
    for name in [*CLASSES, "spawn_participant", "spawn_async_participant"]:
        assert getattr(ours, name).__name__ == name
    assert ours.participant.ParticipantABC is ours.ParticipantABC
    assert ours.async_participant.AsyncParticipant is ours.AsyncParticipant
    assert issubclass(ours.ParticipantABC, ABC)
    assert sorted(ours.__all__) == ours.__all__


@pytest.mark.parametrize("name", ["spawn_participant", "spawn_async_participant"])
def test_arguments(name):
    def shape(function):
        parameters = inspect.signature(function).parameters.values()
        # A shared mutable default is theirs alone.
        return [(p.name, p.kind, p.default or None) for p in parameters]

    assert shape(getattr(ours, name)) == shape(getattr(official, name))


@pytest.mark.parametrize("name", CLASSES)
def test_methods(name):
    def methods(cls):
        public = [n for n in vars(cls) if not n.startswith("_") and n != "run"]
        return {n: list(inspect.signature(getattr(cls, n)).parameters) for n in public}

    assert methods(getattr(ours, name)) == methods(getattr(official, name))
    abstract = "__abstractmethods__"
    assert getattr(getattr(ours, name), abstract, None) == getattr(
        getattr(official, name), abstract, None
    )


def outcome(sdk, call):
    """The exception's name, or what came back."""
    try:
        return call(sdk)
    except Exception as error:  # noqa: BLE001, which one is the question
        return type(error).__name__


def spawn_and_stop(url, state=None):
    def call(sdk):
        participant, _ = sdk.spawn_async_participant(url, state)
        participant.stop()
        return "stopped"

    return call


@pytest.mark.parametrize("url", ["", "foo", "http://", "http://127.0.0.1:1/path"])
def test_urls(url):
    assert outcome(ours, spawn_and_stop(url)) == outcome(official, spawn_and_stop(url))


@pytest.mark.parametrize("state", [[], [1, 2, 3], list(range(200))])
def test_states_that_are_none(state):
    call = spawn_and_stop("http://127.0.0.1:1", state)
    assert outcome(ours, call) == outcome(official, call) == "ParticipantRestore"


def test_a_bad_url_with_a_good_state():
    participant, _ = ours.spawn_async_participant("http://127.0.0.1:1")
    state = participant.stop()
    assert outcome(ours, spawn_and_stop("foo", state)) == "ParticipantRestore"


def test_the_others_state_is_refused():
    participant, _ = official.spawn_async_participant("http://127.0.0.1:1")
    call = spawn_and_stop("http://127.0.0.1:1", participant.stop())
    assert outcome(ours, call) == "ParticipantRestore"


def unreachable_calls(url):
    def call(sdk):
        participant, notifier = sdk.spawn_async_participant(url)
        told = [
            outcome(sdk, lambda _: participant.get_global_model()),
            outcome(sdk, lambda _: participant.set_local_model([1.0])),
        ]
        state = participant.stop()
        told.append(type(state) is list and all(type(byte) is int for byte in state))
        told.append(json.loads(json.dumps(state)) == state)
        told += [
            outcome(sdk, lambda _: participant.stop()),
            outcome(sdk, lambda _: participant.get_global_model()),
            outcome(sdk, lambda _: participant.set_local_model([1.0])),
            notifier.is_set(),
        ]
        return told

    return call


def test_calls_without_a_coordinator_and_after_the_end(nowhere):
    call = unreachable_calls(nowhere)
    assert outcome(ours, call) == outcome(official, call)


def program(sdk, told):
    class Program(sdk.ParticipantABC):
        def __init__(self, *args, **kwargs):
            told.append(("init", args, kwargs))

        def train_round(self, training_input):
            raise NotImplementedError

        serialize_training_result = deserialize_training_input = train_round

        def on_stop(self):
            told.append("on_stop")

    return Program


@pytest.mark.parametrize("sdk", [ours, official], ids=["ours", "official"])
def test_the_participants_life(sdk, nowhere):
    told = []
    handle = sdk.spawn_participant(nowhere, program(sdk, told), (1, "two"))
    assert handle.daemon
    deadline = time.monotonic() + 10
    while not told:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    state = handle.stop()
    assert told == [("init", (1, "two"), {}), "on_stop"]
    with pytest.raises(sdk.xaynet_sdk.UninitializedParticipant):
        handle.stop()
    again = sdk.spawn_participant(nowhere, program(sdk, told), args=(), state=state, scalar=0.5)
    time.sleep(0.1)
    again.stop()


def test_keyword_arguments_arrive(nowhere):
    """xaynet_sdk passes the keywords' names as positional arguments; that is not worth keeping."""
    told = []
    handle = ours.spawn_participant(nowhere, program(ours, told), kwargs={"model": [1.0]})
    while not told:
        time.sleep(0.01)
    handle.stop()
    assert told[0] == ("init", (), {"model": [1.0]})


def params(data_type):
    config = MaskConfig.parse(f"Prime/{data_type}/B6/M3")
    return RoundParameters(b"c" * 32, 0.5, 0.5, b"s" * 32, MaskConfigPair(config, config), 3)


GOOD = [
    ("F32", [0.1, -2, True]),
    ("F32", np.array([0.1, 2.0, -3.5])),
    ("F64", [1, 2, 3]),
    ("F64", np.array([1, 2, 3], np.int64)),
    ("I32", [1, -2, 2**31 - 1]),
    ("I32", np.array([1, 2, 3], np.uint8)),
    ("I64", [2**63 - 1, 0, -(2**63)]),
    ("F64", (0.25, 0.5, 0.75)),
]


@pytest.mark.parametrize(("data_type", "values"), GOOD)
def test_local_models_of_many_kinds(data_type, values):
    weights = to_weights(values, params(data_type))
    assert weights.dtype == params(data_type).mask_config.vect.data.dtype
    assert np.array_equal(weights, np.array(values, weights.dtype))


BAD = [
    ("I32", [0.5, 1, 2]),
    ("I32", [1.0, 2.0, 3.0]),
    ("I32", [2**31, 0, 0]),
    ("I64", [2**63, 0, 0]),
    ("F32", ["a", "b", "c"]),
    ("F32", [float("nan"), 0, 0]),
    ("F32", [1e39, 0.0, 0.0]),
    ("F64", [[1.0], [2.0], [3.0]]),
    ("F64", [[1.0], [2.0, 3.0], 1]),
    ("F64", [None, 1.0, 2.0]),
    ("F64", [1j, 0, 0]),
]


@pytest.mark.parametrize(("data_type", "values"), BAD)
def test_local_models_of_another_type(data_type, values):
    with pytest.raises(LocalModelDataTypeMisMatch):
        to_weights(values, params(data_type))


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 4, np.zeros(2)])
def test_local_models_of_another_length(values):
    with pytest.raises(LocalModelLengthMisMatch):
        to_weights(values, params("F32"))
