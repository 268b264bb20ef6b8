"""Exact reads from bytes of the network: a piece is there, or DecodeError says what is missing."""

from petal.errors import DecodeError


class Cursor:
    """Reads from the front; `finish` insists that nothing is left over."""

    def __init__(self, data: bytes | memoryview, what: str):
        self.rest = memoryview(data)
        self._what = what

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        return bytes(self.view(size))

    def view(self, size: int) -> memoryview:
        """The next `size` bytes, not copied."""
        if len(self.rest) < size:
            raise DecodeError(
                f"{self._what} ends early: {size} bytes wanted, {len(self.rest)} there"
            )
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def uint(self, size: int, order: str = "little") -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.view(size), order)

    def zeros(self, size: int) -> None:
        """Reserved bytes; only zeros encode back to what was read."""
        if any(self.view(size)):
            raise DecodeError(f"{self._what}: reserved bytes are not zero")

    def finish(self) -> None:
        """Fail if anything is left."""
        if len(self.rest):
            raise DecodeError(f"{self._what}: {len(self.rest)} bytes too many")
