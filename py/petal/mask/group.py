"""Vectors of group elements: `uint64[n, limbs]`, little-endian limbs, each row below an order.

The arithmetic is schoolbook, one numpy pass a limb, so it is exact for every order and vectorised
for all. One limb is the common case and takes the short way.
"""

import numpy as np

from petal.errors import DecodeError

_WORD = 1 << 64


def limbs_of(value: int, limbs: int) -> list[np.uint64]:
    """`value` modulo 2^(64 limbs), as words. An order of exactly that power becomes zeros."""
    return [np.uint64((value >> (64 * i)) % _WORD) for i in range(limbs)]


def from_ints(values: list[int], limbs: int) -> np.ndarray:
    """uint64[n, limbs] of non-negative Python integers."""
    raw = b"".join(value.to_bytes(8 * limbs, "little") for value in values)
    return np.frombuffer(raw, "<u8").reshape(-1, limbs).copy()


def to_ints(vector: np.ndarray) -> list[int]:
    """The Python integers of uint64[n, limbs]."""
    if vector.shape[1] == 1:
        return vector[:, 0].tolist()
    width = 8 * vector.shape[1]
    raw = np.ascontiguousarray(vector).tobytes()
    return [int.from_bytes(raw[i : i + width], "little") for i in range(0, len(raw), width)]


def decode(data: bytes | memoryview, width: int, limbs: int) -> np.ndarray:
    """uint64[n, limbs] of n integers of `width` little-endian bytes each."""
    if len(data) % width:
        raise DecodeError(f"{len(data)} bytes do not divide into numbers of {width}")
    if width < 8:
        return _decode_words(memoryview(data), width)
    vector = np.zeros((len(data) // width, limbs), "<u8")
    _low_bytes(vector, width)[:] = np.frombuffer(data, f"V{width}")
    return vector


def _decode_words(data: memoryview, width: int) -> np.ndarray:
    """Reads 8 bytes wherever an integer begins, as far as there are 8, and cuts the surplus off.

    Near memory speed, several times as fast as padding each integer.
    """
    vector = np.empty((len(data) // width, 1), np.uint64)
    whole = max(0, (len(data) - 8) // width + 1)
    if whole:
        words = np.ndarray(whole, "<u8", data, strides=(width,))
        np.bitwise_and(words, np.uint64((1 << (8 * width)) - 1), out=vector[:whole, 0])
    for i in range(whole, len(vector)):
        vector[i] = int.from_bytes(data[i * width : (i + 1) * width], "little")
    return vector


def encode(vector: np.ndarray, width: int) -> bytes:
    """The `width` low bytes of every row, in order."""
    return _low_bytes(np.ascontiguousarray(vector, "<u8"), width).tobytes()


def _low_bytes(vector: np.ndarray, width: int) -> np.ndarray:
    """A view of a contiguous vector's rows, each as one item of `width` bytes."""
    if not len(vector):
        return np.empty(0, f"V{width}")
    return np.ndarray(len(vector), f"V{width}", vector, strides=vector.strides[:1])


def at_least(vector: np.ndarray, order: int) -> np.ndarray:
    """bool[n]: which rows are >= order."""
    limbs = vector.shape[1]
    if order >= _WORD**limbs:
        return np.zeros(len(vector), bool)
    words = limbs_of(order, limbs)
    above = vector[:, 0] >= words[0]
    for i in range(1, limbs):
        column = vector[:, i]
        above = (column > words[i]) | ((column == words[i]) & above)
    return above


def add_into(total: np.ndarray, other: np.ndarray, order: int) -> None:
    """total = (total + other) mod order, in place; both reduced before and after."""
    carry = add_words(total, [other[:, i] for i in range(other.shape[1])])
    reduce = carry | at_least(total, order)
    _subtract_where(total, order, reduce)


class Accumulator:
    """A running sum modulo an order.

    With one limb the sum is not reduced after each addition but only before it could overflow:
    an order has spare bits, 2e13 room for 900,000 terms.
    """

    def __init__(self, length: int, limbs: int, order: int):
        self._order = order
        self._total = np.zeros((length, limbs), np.uint64)
        self._room = (_WORD - order) // max(order - 1, 1) if limbs == 1 else 0
        self._unreduced = 0

    def __len__(self) -> int:
        return len(self._total)

    def add(self, elements: np.ndarray) -> None:
        """Add uint64[n, limbs], each row below the order."""
        if not self._room:
            add_into(self._total, elements, self._order)
            return
        if self._unreduced == self._room:
            self.value()
        self._total += elements
        self._unreduced += 1

    def value(self) -> np.ndarray:
        """The sum, reduced: the array itself, not a copy."""
        if self._unreduced:
            self._total %= np.uint64(self._order)
            self._unreduced = 0
        return self._total


def subtract(left: np.ndarray, right: np.ndarray, order: int) -> np.ndarray:
    """(left - right) mod order."""
    result = left.copy()
    borrow = _subtract_words(result, [right[:, i] for i in range(right.shape[1])])
    words = limbs_of(order, result.shape[1])
    add_words(result, [word * borrow.astype(np.uint64) for word in words])
    return result


def add_words(total: np.ndarray, words: list) -> np.ndarray:
    """Add with carry, in place; the carry out of the last limb, bool[n]."""
    carry = np.zeros(len(total), bool)
    for i, word in enumerate(words):
        column = total[:, i]
        column += word
        over = column < word
        if i:
            column += carry
            over |= carry & (column == 0)
        carry = over
    return carry


def _subtract_words(total: np.ndarray, words: list) -> np.ndarray:
    """Subtract with borrow, in place; the borrow out of the last limb, bool[n]."""
    borrow = np.zeros(len(total), bool)
    for i, word in enumerate(words):
        column = total[:, i]
        under = column < word
        column -= word
        if i:
            under |= borrow & (column == 0)
            column -= borrow
        borrow = under
    return borrow


def _subtract_where(total: np.ndarray, order: int, rows: np.ndarray) -> None:
    take = rows.astype(np.uint64)
    _subtract_words(total, [word * take for word in limbs_of(order, total.shape[1])])
