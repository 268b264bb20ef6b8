"""Codecs: what was written reads back, what was read writes back, the rest fails cleanly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal import mask, wire
from petal.crypto import EncryptionKeyPair, SigningKeyPair
from petal.errors import DecodeError, SignatureError

from . import strategies

KEYS = SigningKeyPair.from_seed(bytes(32))
COORDINATOR = EncryptionKeyPair.from_seed(bytes(32))
ratios = st.builds(
    mask.Ratios,
    st.lists(st.integers(-(2**63) + 1, 2**63 - 1)).map(lambda n: np.array(n, np.int64))
    | st.lists(st.integers(-(2**200), 2**200)),
    st.integers(1, 2**63 - 1) | st.integers(2**63, 2**200),
)


def reads_back(encoded: bytes, decode, encode, change) -> None:
    """Any mutation of `encoded` fails as DecodeError or is itself what encodes to it."""
    mutated = change(bytearray(encoded))
    try:
        decoded = decode(bytes(mutated))
    except DecodeError:
        return
    assert encode(decoded) == bytes(mutated)


@st.composite
def changes(draw):
    """A way to damage bytes: flip, cut, grow, or overwrite."""
    place, value = draw(st.integers(0, 2**16)), draw(st.integers(0, 255))
    kind = draw(st.sampled_from(("flip", "cut", "grow", "swap")))

    def change(data: bytearray) -> bytearray:
        at = place % max(len(data), 1)
        if kind == "cut":
            return data[:at]
        if kind == "grow":
            return data[:at] + bytes([value]) + data[at:]
        if data:
            data[at] = value if kind == "swap" else data[at] ^ (1 << value % 8)
        return data

    return change


@given(strategies.payloads, changes())
def test_payloads(payload, change):
    encoded = payload.to_bytes()
    assert wire.parse_payload(payload.tag, encoded) == payload
    reads_back(
        encoded, lambda data: wire.parse_payload(payload.tag, data), lambda p: p.to_bytes(), change
    )


@given(strategies.mask_objects(), changes())
def test_mask_objects(found, change):
    encoded = found.to_bytes()
    assert mask.MaskObject.from_bytes(encoded) == found
    reads_back(encoded, mask.MaskObject.from_bytes, lambda o: o.to_bytes(), change)


@given(st.sampled_from(wire.Tag), st.binary(max_size=50), st.booleans(), changes())
def test_messages(tag, payload, multipart, change):
    signed = wire.sign_message(KEYS, COORDINATOR.public, tag, payload, multipart)
    message = wire.Message.from_bytes(signed)
    message.verify()
    got = message.participant_pk, message.coordinator_pk, message.tag, message.multipart
    assert got == (KEYS.public, COORDINATOR.public, tag, multipart)
    assert message.payload == payload
    reads_back(signed, wire.Message.from_bytes, lambda m: m.to_bytes(), change)


@given(st.binary(max_size=50), st.integers(0, 185), st.integers(0, 7))
def test_any_changed_bit_breaks_the_message(payload, place, bit):
    signed = bytearray(wire.sign_message(KEYS, COORDINATOR.public, wire.Tag.SUM, payload))
    signed[place % len(signed)] ^= 1 << bit
    with pytest.raises((DecodeError, SignatureError)):
        wire.Message.from_bytes(signed).verify()


@given(strategies.params, changes())
def test_round_parameters(params, change):
    encoded = wire.encode_params(params)
    assert len(encoded) == 136
    assert wire.decode_params(encoded) == params
    reads_back(encoded, wire.decode_params, wire.encode_params, change)


@given(st.dictionaries(strategies.keys, strategies.keys, max_size=4), changes())
def test_dictionaries(entries, change):
    encoded = wire.encode_dictionary(entries)
    assert wire.decode_dictionary(encoded, 32) == entries
    reads_back(encoded, lambda d: wire.decode_dictionary(d, 32), wire.encode_dictionary, change)


@given(ratios, changes())
def test_models(model, change):
    encoded = wire.encode_model(model)
    assert encoded == wire.encode_model(model.fractions())
    assert wire.decode_model(encoded) == model.fractions()
    reads_back(encoded, wire.decode_model, wire.encode_model, change)


def test_a_huge_count_does_not_reserve_memory():
    for decode in (wire.decode_model, lambda d: wire.decode_dictionary(d, 32)):
        with pytest.raises(DecodeError):
            decode((2**64 - 1).to_bytes(8, "little"))
    with pytest.raises(DecodeError, match="ends early"):
        wire.decode_model(bytes([1]) + bytes(7) + b"\x01" + b"\xff" * 8)


@given(st.binary(min_size=1, max_size=400), st.integers(1, 90), st.randoms(use_true_random=False))
def test_an_upload_is_put_together_again_in_any_order(payload, size, shuffler):
    upload = wire.Upload(
        KEYS,
        COORDINATOR.public,
        wire.Tag.UPDATE,
        payload,
        max_message_size=wire.MIN_MESSAGE_SIZE - 1 + size,
        message_id=7,
    )
    sealed = [upload.sealed(i) for i in range(len(upload))]
    assert all(len(part) < wire.MIN_MESSAGE_SIZE + size for part in sealed)
    shuffler.shuffle(sealed)
    assembler, whole = wire.Assembler(len(payload)), None
    for part in sealed:
        message = wire.Message.from_bytes(COORDINATOR.open(part))
        message.verify()
        if not message.multipart:
            assert message.payload == payload
            return
        assert whole is None
        whole = assembler.add(wire.Chunk.from_bytes(message.payload))
    assert whole == payload


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (wire.Chunk(0, 1, False, b"a"), wire.Chunk(0, 1, False, b"b")),
        (wire.Chunk(2, 1, False, b"a"), wire.Chunk(1, 1, True, b"b")),
        (wire.Chunk(1, 1, True, b"a"), wire.Chunk(2, 1, False, b"b")),
        (wire.Chunk(1, 1, True, b"a"), wire.Chunk(0, 1, True, b"b")),
        (wire.Chunk(0, 1, False, b"a"), wire.Chunk(1, 1, False, b"")),
        (wire.Chunk(0, 1, False, b"a"), wire.Chunk(1, 1, True, b"12345678")),
        (wire.Chunk(0, 1, False, b"a"), wire.Chunk(0, 1, True, b"a")),
    ],
    ids=["conflict", "last too low", "behind last", "two lasts", "empty", "too long", "relabelled"],
)
def test_chunks_that_do_not_fit_are_refused_and_change_nothing(first, second):
    assembler = wire.Assembler(8)
    assembler.add(first)
    with pytest.raises(DecodeError):
        assembler.add(second)
    assert (len(assembler), assembler.nbytes) == (1, 1)


def test_a_chunk_sent_again_is_fine():
    assembler = wire.Assembler(8)
    assert assembler.add(wire.Chunk(0, 1, False, b"a")) is None
    assert assembler.add(wire.Chunk(0, 1, False, b"a")) is None
    assert assembler.add(wire.Chunk(1, 1, True, b"b")) == b"ab"


def test_a_fraction_that_is_not_reduced_is_refused():
    reduced = wire.encode_model([Fraction(1, 2)])
    assert wire.decode_model(reduced) == [Fraction(1, 2)]
    doubled = bytearray(reduced)
    doubled[17], doubled[30] = 2, 4
    with pytest.raises(DecodeError, match="not reduced"):
        wire.decode_model(bytes(doubled))
