"""uvicorn as the coordinator runs it."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import uvicorn
from starlette.applications import Starlette

from petal_server.garbage import seldom_collected
from petal_server.limits import GuardedConnection, Handshake
from petal_server.settings import Settings

BACKLOG = 2048
"""Connections that the kernel keeps until they are accepted."""


class Server(uvicorn.Server):
    """Lets go of those who only wait for news before it waits for open requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._handshakes: set[Handshake] = set()

    @classmethod
    def of(cls, app: Starlette, settings: Settings) -> "Server":
        """A server of ``app``, which ``create_app`` made of the same settings."""
        config = uvicorn.Config(
            app,
            log_config=None,
            server_header=False,
            http=partial(GuardedConnection, app.state.gate, settings.api.cors.allow_origins),
            # Where a library for them happens to be installed, uvicorn would hand connections over
            # to it, and the gate would never hear that they are closed.
            ws="none",
            backlog=BACKLOG,
            proxy_headers=bool(settings.limits.trusted_proxies),
            forwarded_allow_ips=list(settings.limits.trusted_proxies),
            timeout_graceful_shutdown=settings.api.stop_timeout,
            **_tls(settings),
        )
        return cls(config)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        async with seldom_collected(self.config.app.state.gate):
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but a TLS handshake counts as a connection."""
        if not self.config.is_ssl:
            await super().startup(sockets)
            return
        loop = asyncio.get_running_loop()
        loop.create_server = partial(self._listen, loop.create_server)
        try:
            await super().startup(sockets)
        finally:
            del loop.create_server

    def _listen(
        self, create_server: Callable, connect: Callable, *, ssl: ssl.SSLContext, **options
    ) -> Awaitable[asyncio.Server]:
        def handshake() -> Handshake:
            return Handshake(connect(), ssl, self.config.app.state.gate, self._handshakes)

        return create_server(handshake, **options)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.onlookers.leave()
        for handshake in list(self._handshakes):
            handshake.abort()
        await super().shutdown(sockets)


def _tls(settings: Settings) -> dict[str, object]:
    api = settings.api
    if api.tls_certificate is None:
        return {}
    options: dict[str, object] = {
        "ssl_certfile": str(api.tls_certificate),
        "ssl_keyfile": str(api.tls_key),
    }
    if api.tls_client_auth:
        options |= {"ssl_ca_certs": str(api.tls_client_auth), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options
