"""``[limits]``: what strangers may use up."""

from typing import Self

from pydantic import Field, model_validator

from petal_server.settings.fields import Networks, Section


class LimitSettings(Section):
    """Bounds on connections, requests, memory and time."""

    connections: int = Field(
        12_000, ge=1, description="Open connections; further ones are told to come back."
    )
    connections_per_address: int = Field(
        1000,
        ge=1,
        description="Open connections from one IPv4 address or IPv6 /64 network; many people may "
        "share one.",
    )
    requests_per_address: float = Field(
        1000,
        ge=0.1,
        description="Requests a second from one address, on average over ten seconds; beyond that "
        "the answer is 429.",
    )
    header_timeout: float = Field(
        10, ge=0.1, description="Seconds in which the head of a request must have come."
    )
    body_timeout: float = Field(
        20,
        ge=0.1,
        description="Seconds in which a body must have come, and one more for every `body_rate` "
        "bytes of it that have.",
    )
    body_rate: int = Field(8192, ge=1, description="Bytes a second that a body must bring.")
    write_timeout: float = Field(
        60,
        ge=0.1,
        description="Seconds in which a client must have taken what was sent (at most 256 KiB) "
        "before it is sent more.",
    )
    body_memory: int = Field(
        256 * 2**20,
        ge=2**16,
        description="Bytes of bodies kept at once; beyond that the answer to `POST /message` is "
        "503.",
    )
    body_memory_per_address: int = Field(
        128 * 2**20, ge=2**16, description="Bytes of bodies kept at once from one address."
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks of reverse proxies: the address they name in "
        "`X-Forwarded-For` counts instead of theirs.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.body_memory_per_address > self.body_memory:
            raise ValueError("body_memory_per_address must not exceed body_memory")
        return self
