"""Turns away who asks too often."""

import math

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from petal_server.answers import UNCACHED
from petal_server.limits.gate import Gate


class LimitedRequests:
    """ASGI middleware: 429 with ``Retry-After`` for an address beyond its rate."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = 0.0
        if scope["type"] == "http":
            client = scope.get("client")
            wait = self._gate.request(client[0] if client else None)
        if not wait:
            await self._app(scope, receive, send)
            return
        headers = {**UNCACHED, "Retry-After": str(math.ceil(wait))}
        text = "This address asks too often.\n"
        await PlainTextResponse(text, 429, headers)(scope, receive, send)
