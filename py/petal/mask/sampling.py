"""From a seed to group elements: draw, test, keep or draw again.

One draw takes whole 32-bit words of the key stream, keeps the bytes of `order` (not of
order - 1: they differ where the order is a power of 256) and is repeated until it is below the
order. Nearly all the protocol's time is spent here, so draws are made by the thousand.
"""

import numpy as np

from petal.crypto import key_stream
from petal.mask import group

# 2^15 draws of 8 bytes stay in the second-level cache while they are masked, tested and kept.
_DRAWS = 1 << 15
_BLOCK = 64


class Sampler:
    """Draws below any orders, one after the other, from the key stream of one seed."""

    def __init__(self, seed: bytes):
        self._stream = key_stream(seed)
        self._rest = np.empty(0, np.uint8)

    def draw(self, order: int, count: int) -> np.ndarray:
        """The next `count` elements below `order`: uint64[count, limbs]."""
        shape = _Shape(order)
        out = np.empty((count, shape.limbs), np.uint64)
        filled = 0
        while filled < count:
            buffer = self._read(shape.draws_for(count - filled), shape.size)
            drawn = shape.integers(buffer)
            below = _first(~group.at_least(drawn, order), count - filled)
            kept = drawn[: len(below)][below]
            out[filled : filled + len(kept)] = kept[:, : shape.limbs]
            filled += len(kept)
            self._rest = buffer[len(below) * shape.size :]
        return out

    def _read(self, draws: int, size: int) -> np.ndarray:
        """What was left over and as much of the stream as makes at least `draws` draws."""
        missing = max(draws * size - len(self._rest), 0)
        fresh = -(-missing // _BLOCK) * _BLOCK
        buffer = np.empty(len(self._rest) + fresh, np.uint8)
        buffer[: len(self._rest)] = self._rest
        if fresh:
            self._stream.fill(buffer[len(self._rest) :])
        return buffer


def _first(flags: np.ndarray, count: int) -> np.ndarray:
    """`flags` cut off behind its count-th True, so that no draw is used up in vain."""
    if np.count_nonzero(flags) < count:
        return flags
    return flags[: np.flatnonzero(flags)[count - 1] + 1]


class _Shape:
    """How one draw below an order looks in the key stream."""

    def __init__(self, order: int):
        self.limbs = -(-(order - 1).bit_length() // 64) or 1
        kept = (order.bit_length() + 7) // 8
        self._words = -(-kept // 4)
        self.size = 4 * self._words
        self._wide = -(-kept // 8)
        self._top_mask = np.uint64((1 << (8 * (kept - 8 * (self._wide - 1)))) - 1)
        self._acceptance = order / (1 << (8 * kept))

    def draws_for(self, count: int) -> int:
        """About as many draws as `count` elements need, in one chunk at the most."""
        return min(int(count / self._acceptance * 1.05) + 16, _DRAWS)

    def integers(self, buffer: np.ndarray) -> np.ndarray:
        """uint64[draws, wide] of as many whole draws as the buffer holds; the buffer stays."""
        draws = len(buffer) // self.size
        words = buffer[: draws * self.size].view("<u4").reshape(draws, self._words)
        wide = np.zeros((draws, 2 * self._wide), "<u4")
        wide[:, : self._words] = words
        wide = wide.view("<u8")
        wide[:, -1] &= self._top_mask
        return wide
