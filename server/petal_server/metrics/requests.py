"""Times every request, by route and status."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HELD = "petal.held"
"""Under this name a request's scope has the seconds for which it was kept open on purpose."""

NO_ROUTE = "none"
"""Addresses that lead nowhere share one label: a label of their own each would fill the memory."""

METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class TimedRequests:
    """ASGI middleware; ``paths`` gives the pattern of the route that leads to an endpoint.

    A stream counts when it ends.
    """

    def __init__(self, app: ASGIApp, seconds: Histogram, paths: Mapping[Callable, str]) -> None:
        self._app, self._seconds, self._paths = app, seconds, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = "none", time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            labels = self._method(scope), self._path(scope), status
            seconds = time.perf_counter() - began - scope.get(HELD, 0.0)
            self._seconds.labels(*labels).observe(max(seconds, 0.0))

    def _method(self, scope: Scope) -> str:
        return scope["method"] if scope["method"] in METHODS else "other"

    def _path(self, scope: Scope) -> str:
        """The router leaves the endpoint that it found in the scope."""
        return self._paths.get(scope.get("endpoint"), NO_ROUTE)
