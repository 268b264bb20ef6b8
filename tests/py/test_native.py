"""The compiled loop and numpy keep the same draws. `make test` compiles it, here or nowhere."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal.mask import native
from petal.mask.sampling import Sampler

U64 = st.integers(0, 2**64 - 1)


@given(
    draws=st.lists(U64, max_size=70),
    limit=U64,
    shift=st.integers(0, 63),
    room=st.integers(0, 80),
)
def test_it_keeps_what_is_below_in_order_and_no_more_than_there_is_room_for(
    draws, limit, shift, room
):
    given_draws, out = np.array(draws, np.uint64), np.full(room + 1, 7, np.uint64)
    kept, used = native.keep_below(given_draws, limit, shift, out[:room])
    below = [place for place, draw in enumerate(draws) if draw < limit][:room]
    assert out[:kept].tolist() == [draws[place] >> shift for place in below]
    assert out[room] == 7  # nothing is written beyond
    full = kept == room
    assert used == (below[-1] + 1 if full and room else 0 if full else len(draws))


@pytest.mark.parametrize(
    "order", [20_000_000_000_021, 2**40, 2**64 - 59, (1 << 33) + 17, 255, 2**80 + 13]
)
@pytest.mark.parametrize("count", [1, 1000, 70_000])
def test_both_ways_draw_the_same_and_leave_the_stream_at_the_same_place(order, count, monkeypatch):
    seed = os.urandom(32)

    def drawn() -> list[np.ndarray]:
        sampler = Sampler(seed)
        return [sampler.draw(order, count), sampler.draw(order + 1, 3)]

    compiled = drawn()
    monkeypatch.setattr(native, "keep_below", None)
    for one, other in zip(compiled, drawn(), strict=True):
        assert (one == other).all()


def test_a_library_that_cannot_be_loaded_is_told_and_done_without(monkeypatch, tmp_path):
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "keep_below.so")
    assert native.load() is None
    native.LIBRARY.write_bytes(b"of another machine")
    with pytest.warns(RuntimeWarning, match="numpy alone"):
        assert native.load() is None
