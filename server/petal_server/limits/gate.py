"""Who gets in: the counts of one coordinator's connections, requests and bodies."""

import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from petal_server.limits.addresses import Proxies, sender_key
from petal_server.limits.bodies import BodyMemory
from petal_server.limits.rates import Rates
from petal_server.settings import LimitSettings

BURST_SECONDS = 10
"""An address that was silent may make so many seconds' worth of requests at once."""


LINGERING = 32
"""Connections too many that may ask: what is answered before it was asked may get lost."""


class Refusal(StrEnum):
    """Why somebody was turned away or cut off. ``docs/operating.md`` explains each."""

    CONNECTIONS = "connections"
    CONNECTIONS_PER_ADDRESS = "connections_per_address"
    REQUEST_RATE = "request_rate"
    BODY_MEMORY = "body_memory"
    HEADER_TIMEOUT = "header_timeout"
    BODY_TIMEOUT = "body_timeout"
    WRITE_TIMEOUT = "write_timeout"


class Gate:
    """Counts who is there and says who is one too many."""

    def __init__(self, settings: LimitSettings, now: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.refused: Counter[Refusal] = Counter()
        self.connections = self.closed = self.lingering = 0
        self.bodies = BodyMemory(settings.body_memory, settings.body_memory_per_address)
        self._by_address: Counter[str] = Counter()
        self._proxies = Proxies(settings.trusted_proxies)
        self._rates = Rates(
            settings.requests_per_address, BURST_SECONDS * settings.requests_per_address
        )
        self._now = now

    def refuse(self, why: Refusal) -> Refusal:
        """Count a refusal."""
        self.refused[why] += 1
        return why

    def enter(self, host: str | None) -> Refusal | None:
        """Count a new connection; why it may not stay, if it may not. ``leave`` must follow."""
        self.connections += 1
        address = sender_key(host)
        self._by_address[address] += 1
        if self.connections > self.settings.connections:
            return self.refuse(Refusal.CONNECTIONS)
        too_many = self._by_address[address] > self.settings.connections_per_address
        if too_many and host not in self._proxies:
            return self.refuse(Refusal.CONNECTIONS_PER_ADDRESS)
        return None

    def linger(self) -> bool:
        """Whether one too many may stay until it has asked; ``leave`` is to be told that it did."""
        may = self.lingering < LINGERING
        self.lingering += may
        return may

    def leave(self, host: str | None, lingered: bool = False) -> None:
        """The connection is closed."""
        self.connections -= 1
        self.lingering -= lingered
        self.closed += 1
        address = sender_key(host)
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def request(self, host: str | None) -> float:
        """Count a request; 0, or the seconds after which it may be made again."""
        wait = self._rates.take(sender_key(host), self._now())
        if wait:
            self.refuse(Refusal.REQUEST_RATE)
        return wait
