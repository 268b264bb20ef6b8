"""The memory that bodies of requests may take up, all together and for each address."""

from collections import Counter


class BodyMemory:
    """Counts bytes of bodies from when they come until their message is dealt with."""

    def __init__(self, total: int, per_address: int) -> None:
        self._total, self._per_address = total, per_address
        self._held: Counter[str] = Counter()
        self.used = 0

    def fits(self, address: str, size: int) -> bool:
        """Whether there is room for so many bytes more. Nothing is taken by asking."""
        own = self._held.get(address, 0)
        return self.used + size <= self._total and own + size <= self._per_address

    def take(self, address: str, size: int) -> bool:
        """Take so many bytes, if there is room."""
        if not self.fits(address, size):
            return False
        self._held[address] += size
        self.used += size
        return True

    def give_back(self, address: str, size: int) -> None:
        """The bytes are gone."""
        self.used -= size
        self._held[address] -= size
        if not self._held[address]:
            del self._held[address]
