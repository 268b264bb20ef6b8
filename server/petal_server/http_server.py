"""uvicorn as the coordinator runs it."""

import socket
import ssl

import uvicorn
from starlette.applications import Starlette

from petal_server.settings import Settings


class Server(uvicorn.Server):
    """Lets go of those who only wait for news before it waits for open requests."""

    @classmethod
    def of(cls, app: Starlette, settings: Settings) -> "Server":
        """A server of ``app``, which ``create_app`` made of the same settings."""
        config = uvicorn.Config(
            app,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=settings.api.stop_timeout,
            **_tls(settings),
        )
        return cls(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.onlookers.leave()
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
