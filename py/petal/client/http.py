"""The transport for CPython: httpx, with bounded answers and conditional GETs."""

import re
import ssl
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from petal.client.tls import tls_advice
from petal.client.transport import Response
from petal.errors import TransportError

_TIMEOUT = httpx.Timeout(120, connect=10, pool=None)
# Each participant of a test drive holds one connection at the most.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)
# A connection each: who waits for news beyond these looks now and then.
_MOST_WAITING = 64
# Asked for again and again, mostly unchanged.
_CONDITIONAL = ("params", "model")


def check_url(url: str) -> str:
    """The coordinator's address with one slash at its end; ValueError if it cannot be one."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment:
        raise ValueError(
            f"{without_user(url)!r} is no address of a coordinator: it looks like http://127.0.0.1:8081"
        )
    return url.rstrip("/") + "/"


def without_user(url: str) -> str:
    """The address as it may be shown: what stands before an "@" in it may be a password."""
    return re.sub(r"(?<=//)[^/?#]*@", "", url)


def user_of(url: str) -> httpx.BasicAuth | None:
    """Who asks, where the address says so. To be given apart from it, since httpx logs those."""
    parsed = httpx.URL(url)
    return httpx.BasicAuth(parsed.username, parsed.password) if parsed.userinfo else None


class HttpTransport:
    """One coordinator. Use as an async context manager, or close it with `aclose()`.

    Several participants may share one.
    """

    def __init__(self, url: str, *, verify: ssl.SSLContext | bool = True):
        self.url = without_user(check_url(url))
        self._client = httpx.AsyncClient(
            auth=user_of(url), timeout=_TIMEOUT, limits=_LIMITS, verify=verify
        )
        self._waiting = 0
        self._known: dict[tuple[str, str], tuple[str, bytes]] = {}

    async def __aenter__(self) -> "HttpTransport":
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def fetch(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
    ) -> Response:
        """See `petal.client.transport.Transport`."""
        try:
            if "prefer" in headers:
                return await self._patient(path, headers, limit)
            if method != "GET" or path not in _CONDITIONAL:
                return await self._fetch(method, path, headers, body, limit)
            return await self._conditional(path, headers, limit)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransportError(
                f"the coordinator at {self.url} cannot be reached: {self._why(error)}"
            ) from error

    def _why(self, error: Exception) -> str:
        advice = tls_advice(error)
        if advice:
            return advice
        said = (str(error) or type(error).__name__).rstrip(".")
        if self.url.startswith("https:") and isinstance(error, httpx.RemoteProtocolError):
            return f"{said}. It may ask for a client certificate: --cert FILE and --key FILE"
        if "without sending a response" in said:
            return f"{said}. It may speak TLS: its address then begins with https://"
        return f"{said}. Is it running, and is this its address?"

    async def _patient(self, path: str, headers: Mapping[str, str], limit: int) -> Response:
        """A look that may be kept open, unless as many are as may be."""
        if self._waiting >= _MOST_WAITING:
            headers = {name: value for name, value in headers.items() if name != "prefer"}
        self._waiting += 1
        try:
            return await self._fetch("GET", path, headers, None, limit)
        finally:
            self._waiting -= 1

    async def _conditional(self, path: str, headers: Mapping[str, str], limit: int) -> Response:
        key = (path, headers.get("accept", ""))
        etag, body = self._known.get(key, ("", b""))
        if etag:
            headers = {**headers, "if-none-match": etag}
        answer = await self._fetch("GET", path, headers, None, limit)
        if answer.status == 304 and etag:
            return Response(200, answer.headers, body)
        if answer.status == 200 and "etag" in answer.headers:
            self._known[key] = (answer.headers["etag"], answer.body)
        return answer

    async def _fetch(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
    ) -> Response:
        async with self._client.stream(
            method, self.url + path, headers=dict(headers), content=body
        ) as answer:
            read = bytearray()
            async for chunk in answer.aiter_bytes():
                read += chunk
                if len(read) > limit:
                    raise TransportError(
                        f"the coordinator's answer to /{path} is longer than {limit} bytes",
                        answer.status_code,
                    )
            return Response(answer.status_code, dict(answer.headers), bytes(read))
