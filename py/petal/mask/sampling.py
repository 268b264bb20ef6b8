"""From a seed to group elements: draw, test, keep or draw again.

One draw takes whole 32-bit words of the key stream, keeps the bytes of `order` (not of
order - 1: they differ where the order is a power of 256) and is repeated until it is below the
order. Nearly all the protocol's time is spent here, so draws are made by the thousand.
"""

import numpy as np

from petal.crypto import key_stream
from petal.mask import group, native

# Few enough that their key stream stays in the second-level cache, enough that threads seldom
# queue for the interpreter lock: with 2^14, two threads are no faster than one.
_DRAWS = 1 << 16
_BLOCK = 64


class Sampler:
    """Draws below any orders, one after the other, from the key stream of one seed."""

    def __init__(self, seed: bytes):
        self._stream = key_stream(seed)
        self._rest = np.empty(0, np.uint8)
        self._space = np.empty(0, np.uint8)

    def draw(self, order: int, count: int) -> np.ndarray:
        """The next `count` elements below `order`: uint64[count, limbs]."""
        out = np.empty((count, -(-(order - 1).bit_length() // 64) or 1), np.uint64)
        self.draw_into(out, order)
        return out

    def draw_into(self, out: np.ndarray, order: int) -> None:
        """Fill `out`, a contiguous uint64[n, limbs], with the next n elements below `order`."""
        draws = _draws_below(order)
        filled = 0
        while filled < len(out):
            wanted = min(draws.estimate(len(out) - filled), _DRAWS)
            end = self._read(draws, wanted)
            numbers = draws.view(self._space, (end - draws.offset) // draws.size)
            kept, used = draws.keep(numbers, out[filled:])
            filled += kept
            # Once all is there, what follows the last draw kept belongs to the next order.
            self._rest = self._space[draws.offset + used * draws.size : end].copy()

    def _read(self, draws: "_Narrow | _Wide", wanted: int) -> int:
        """Lay what was left over, then fresh key stream, at `draws.offset`; where it ends."""
        missing = max(wanted * draws.size - len(self._rest), 0)
        begin = draws.offset + len(self._rest)
        end = begin + -(-missing // _BLOCK) * _BLOCK
        if len(self._space) < end:
            self._space = np.empty(end + _BLOCK, np.uint8)
        self._space[draws.offset : begin] = self._rest
        self._stream.fill(self._space[begin:end])
        return end


def _draws_below(order: int) -> "_Narrow | _Wide":
    kept = (order.bit_length() + 7) // 8
    return _Narrow(order, kept) if kept <= 8 else _Wide(order, kept)


class _Narrow:
    """Draws of one or two words.

    The stream is laid so that each draw's kept bytes end at a word's end: read as one integer
    the draw is the high part, and what stands in the low part cannot change whether it is below
    the order moved up as far. That saves cutting the surplus bytes off before the comparison.
    """

    def __init__(self, order: int, kept: int):
        self.size = 4 if kept <= 4 else 8
        self.offset = self.size - kept
        self._dtype = np.dtype(f"<u{self.size}")
        self._shift = self._dtype.type(8 * self.offset)
        self._limit = self._dtype.type(order << (8 * self.offset))
        self._acceptance = order / (1 << (8 * kept))
        self._padded = max(1.0, 1.12 - self._acceptance)

    def estimate(self, count: int) -> int:
        return int(count / self._acceptance * 1.03) + 16

    def view(self, space: np.ndarray, draws: int) -> np.ndarray:
        return space[: draws * self.size].view(self._dtype)

    def keep(self, numbers: np.ndarray, out: np.ndarray) -> tuple[int, int]:
        """Write the draws below the order to `out` until it is full: (how many, draws used)."""
        if native.keep_below and self.size == 8:
            return native.keep_below(numbers, int(self._limit), int(self._shift), out)
        places, used = _first(self._below(numbers), len(out), len(numbers))
        np.right_shift(numbers.take(places), self._shift, out=out[: len(places), 0])
        return len(places), used

    def _below(self, numbers: np.ndarray) -> np.ndarray:
        """The places of the draws below the order.

        numpy finds them without a branch a draw, more than twice as fast here, only where over a
        tenth of the flags are set: some that are set are appended, and their places dropped.
        """
        flags = np.empty(int(len(numbers) * self._padded), bool)
        np.less(numbers, self._limit, out=flags[: len(numbers)])
        flags[len(numbers) :] = True
        places = flags.nonzero()[0]
        return places[: len(places) - (len(flags) - len(numbers))]


class _Wide:
    """Draws of three words and more, widened to 64-bit limbs."""

    offset = 0

    def __init__(self, order: int, kept: int):
        self._order = order
        self._words = -(-kept // 4)
        self.size = 4 * self._words
        self._limbs = -(-kept // 8)
        self._top_mask = np.uint64((1 << (8 * (kept - 8 * (self._limbs - 1)))) - 1)
        self._acceptance = order / (1 << (8 * kept))

    def estimate(self, count: int) -> int:
        return int(count / self._acceptance * 1.03) + 16

    def view(self, space: np.ndarray, draws: int) -> np.ndarray:
        words = space[: draws * self.size].view("<u4").reshape(draws, self._words)
        wide = np.zeros((draws, 2 * self._limbs), "<u4")
        wide[:, : self._words] = words
        wide = wide.view("<u8")
        wide[:, -1] &= self._top_mask
        return wide

    def keep(self, numbers: np.ndarray, out: np.ndarray) -> tuple[int, int]:
        below = np.flatnonzero(~group.at_least(numbers, self._order))
        places, used = _first(below, len(out), len(numbers))
        out[: len(places)] = numbers[places, : out.shape[1]]
        return len(places), used


def _first(places: np.ndarray, room: int, draws: int) -> tuple[np.ndarray, int]:
    """As many places as there is room for, and how many of the draws that takes."""
    if len(places) < room:
        return places, draws
    return places[:room], int(places[room - 1]) + 1
