"""Enrolment tokens: only what an authority signed verifies, and there is one way to write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal.crypto import SigningKeyPair
from petal.errors import DecodeError, SignatureError
from petal.wire import EnrolmentToken
from petal.wire.enrolment import CONTEXT, TOKEN_LENGTH

from . import strategies

AUTHORITY = SigningKeyPair.from_seed(bytes(32))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
dates = st.integers(0, 253402300799)


def token(pk=b"p" * 32, expires=2_000_000_000):
    return EnrolmentToken.issue(AUTHORITY, pk, expires)


@given(strategies.keys, dates)
def test_a_token_reads_back_and_verifies(pk, expires):
    issued = token(pk, expires)
    text = str(issued)
    assert len(text) == TOKEN_LENGTH
    again = EnrolmentToken.parse(text)
    assert again == issued
    again.verify(AUTHORITY.public)
    assert issued.until.endswith(" UTC")


def test_the_format_is_what_the_documents_say():
    """Other languages issue tokens by it: what goes into a signature may not change."""
    issued = token(bytes(range(32)), 0x0102030405)
    head = b"\x01" + bytes.fromhex("0000000102030405") + bytes(range(32))
    assert issued.signature == AUTHORITY.sign(b"petal enrolment of a participant\0" + head)
    assert str(issued) == (
        "AQAAAAECAwQFAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9lIV8qmVyO13B-kGn_"
        "zHJ_U1qA7P_cpeMt-t5Wr3btBEzCNM0gnSM26fCZQdHeEUqRfsRpQYEYoPbmF32v00sL"
    )


@given(strategies.keys, dates, st.integers(0, 105 * 8 - 1))
def test_no_flipped_bit_verifies(pk, expires, bit):
    text = str(token(pk, expires))
    at, place = divmod(bit, 6)
    other = ALPHABET[ALPHABET.index(text[at]) ^ (1 << place)]
    flipped = text[:at] + other + text[at + 1 :]
    with pytest.raises((DecodeError, SignatureError)):
        EnrolmentToken.parse(flipped).verify(AUTHORITY.public)


@given(st.text(min_size=TOKEN_LENGTH - 1, max_size=TOKEN_LENGTH + 1))
def test_nothing_else_parses(text):
    with pytest.raises(DecodeError):
        EnrolmentToken.parse(text)


@given(st.integers(0, TOKEN_LENGTH - 1), st.characters())
def test_there_is_one_way_to_write_a_token(at, character):
    text = str(token())
    changed = text[:at] + character + text[at + 1 :]
    try:
        parsed = EnrolmentToken.parse(changed)
    except DecodeError:
        return
    assert str(parsed) == changed


@pytest.mark.parametrize(
    "spoil",
    [lambda t: t.replace("-", "+").replace("_", "/"), lambda t: t[:-1] + "=", lambda t: " " + t],
    ids=["the other alphabet", "padding", "a space"],
)
def test_what_lenient_decoders_take_is_refused(spoil):
    texts = [str(token(expires=number)) for number in range(50)]
    assert any(set("-_") & set(text) for text in texts)
    for text in texts:
        if spoil(text) != text:
            with pytest.raises(DecodeError):
                EnrolmentToken.parse(spoil(text))


def test_another_authority_or_context_does_not_verify():
    other = SigningKeyPair.from_seed(b"o" * 32)
    with pytest.raises(SignatureError):
        token().verify(other.public)
    bare = AUTHORITY.sign(bytes(41))
    with pytest.raises(SignatureError):
        EnrolmentToken(bytes(32), 0, bare).verify(AUTHORITY.public)
    assert CONTEXT not in (b"", b"sum", b"update")


def test_the_versions_that_are_not_known():
    text = str(token())
    assert text[0] == "A"
    with pytest.raises(DecodeError, match="another version"):
        EnrolmentToken.parse("B" + text[1:])


@pytest.mark.parametrize(("pk", "expires"), [(b"short", 1), (bytes(32), -1), (bytes(32), 2**40)])
def test_what_cannot_be_issued(pk, expires):
    with pytest.raises(ValueError, match=r"must be 32 bytes|between the years"):
        token(pk, expires)
