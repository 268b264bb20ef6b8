"""Group elements between bytes and words, at every width the configurations have and between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal.errors import DecodeError
from petal.mask import group


@given(st.data(), st.integers(1, 40), st.integers(0, 12))
def test_bytes_become_words_and_bytes_again(data, width, count):
    raw = data.draw(st.binary(min_size=width * count, max_size=width * count))
    pieces = [raw[i : i + width] for i in range(0, len(raw), width)]
    vector = group.decode(memoryview(raw), width, -(-width // 8))
    assert vector.shape == (count, -(-width // 8))
    assert group.to_ints(vector) == [int.from_bytes(piece, "little") for piece in pieces]
    assert group.encode(vector, width) == raw
    assert group.encode(vector[::-1], width) == b"".join(reversed(pieces))


def test_bytes_that_do_not_divide_are_refused():
    with pytest.raises(DecodeError, match="13 bytes do not divide into numbers of 6"):
        group.decode(bytes(13), 6, 1)
