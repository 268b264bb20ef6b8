"""Delays, and global models as coordinators publish them."""

import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal.errors import DecodeError, LengthMismatchError
from petal.mask import MaskConfig, MaskConfigPair
from petal.participant import Delays, Machine
from petal.participant.models import decode_global_model, max_model_bytes
from petal.wire import encode_model

ALL = [b"\x00" * 4, b"\xff" * 4]


def pair(name):
    return MaskConfigPair.of(MaskConfig.parse(name))


F32, F64, I64 = pair("Prime/F32/B0/M3"), pair("Prime/F64/B0/M3"), pair("Prime/I64/B0/M3")


def npy(array, **options):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


@given(st.integers(1, 10**6), st.binary(min_size=4, max_size=4))
def test_delays_stay_between_half_and_all_of_their_growth(attempt, drawn):
    delays = Delays(first=0.5, factor=3, cap=20)
    full = min(20, 0.5 * 3 ** min(attempt - 1, 64))
    assert full / 2 <= delays.failing(attempt, lambda _: drawn) <= full


def test_polling_spreads_around_its_interval():
    assert [Delays(poll=1).polling(lambda _, d=drawn: d) for drawn in ALL] == [
        0.75,
        pytest.approx(1.25),
    ]


@pytest.mark.parametrize(
    "bad", [{"poll": -1}, {"first": 0}, {"first": 9, "cap": 1}, {"factor": 0.5}]
)
def test_delays_that_make_no_sense(bad):
    with pytest.raises(ValueError, match="delays"):
        Delays(**bad)


@pytest.mark.parametrize(
    "bad", [{"rounds": 0}, {"max_message_size": 4095}, {"scalar": -1}, {"scalar": float("nan")}]
)
def test_settings_that_make_no_sense(bad):
    from petal.crypto import SigningKeyPair
    from petal.errors import PetalError

    with pytest.raises((ValueError, PetalError)):
        Machine(SigningKeyPair.generate(), random=bytes, **bad)


@pytest.mark.parametrize("config", [F32, F64, I64])
def test_npy_and_bincode_give_the_same_model(config):
    values = [Fraction(3, 4), Fraction(-1, 8), Fraction(0), Fraction(1)]
    dtype = config.vect.data.dtype
    model = np.array([int(v) if dtype.kind == "i" else float(v) for v in values], dtype)
    for body in (npy(model), encode_model(values)):
        decoded = decode_global_model(body, 4, config)
        assert decoded.dtype == dtype
        np.testing.assert_array_equal(decoded, model)
        assert not decoded.flags.writeable
        assert len(body) <= max_model_bytes(4, config)


GOOD = npy(np.arange(4, dtype=np.float32))


@pytest.mark.parametrize(
    "body",
    [
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[:20],
        GOOD[:8] + b"\xff\xff" + GOOD[10:],
        GOOD.replace(b"False", b"True "),
        GOOD.replace(b"'<f4'", b"'|O8'"),
        GOOD.replace(b"(4,)", b"(5,)"),
        GOOD.replace(b"{", b"["),
        GOOD.replace(b"descr", b"other"),
        npy(np.zeros((2, 2), np.float32)),
        npy(np.arange(4, dtype=">f4")),
        npy(np.arange(4, dtype=np.float32), version=(2, 0)),
        b"",
        b"\x93NUMPY",
    ],
)
def test_broken_models_are_named(body):
    with pytest.raises(DecodeError):
        decode_global_model(body, 4, F32)


@pytest.mark.parametrize(
    "body",
    [npy(np.arange(5, dtype=np.float32)), npy(np.arange(4.0)), encode_model([Fraction(1)] * 3)],
)
def test_models_of_another_round_are_named(body):
    with pytest.raises(LengthMismatchError, match="left aside"):
        decode_global_model(body, 4, F32)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_fail_cleanly(body):
    for data in (body, GOOD[:10] + body):
        try:
            decode_global_model(data, 4, F32)
        except (DecodeError, LengthMismatchError):
            continue


def test_rationals_beyond_the_type_become_its_extreme():
    decoded = decode_global_model(encode_model([Fraction(10) ** 60, Fraction(-(10**60))]), 2, F32)
    limits = np.finfo(np.float32)
    np.testing.assert_array_equal(decoded, np.array([limits.max, limits.min], np.float32))
