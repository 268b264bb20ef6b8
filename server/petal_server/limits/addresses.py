"""Whom a limit counts: an IPv4 address, or the 64-bit network that one IPv6 host can choose in."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

UNKNOWN = "unknown"


@lru_cache(maxsize=16_384)
def sender_key(host: str | None) -> str:
    """The name under which a sender's address is counted."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False).network_address)


class Proxies:
    """The reverse proxies in front: they speak for many, so no limit per address is theirs."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(network, strict=False) for network in networks]

    def __contains__(self, host: str | None) -> bool:
        try:
            address = ip_address(host or "")
        except ValueError:
            return False
        return any(address in network for network in self._networks)
