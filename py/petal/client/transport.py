"""What a driver needs of the network: one request at a time, bytes out and bytes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whatever its status; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport(Protocol):
    """`petal.client.http` has the one for CPython, `petal.client.browser` that of a tab."""

    async def fetch(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
    ) -> Response:
        """Ask the coordinator; `path` is relative to its URL, without a leading slash.

        TransportError where there is no answer, or one of more than `limit` bytes.
        """
