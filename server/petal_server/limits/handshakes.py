"""TLS handshakes: they count as connections from their first byte on, and have their time.

uvicorn would hear of a connection only once its handshake has succeeded. Whoever connects and
says nothing would be in nobody's count.
"""

import asyncio
import ssl

from petal_server.limits.connections import GuardedConnection, host_of
from petal_server.limits.gate import Gate, Refusal


class Handshake(asyncio.Protocol):
    """A connection until its handshake has succeeded; then ``connection`` takes it over.

    ``under_way`` holds those that have not.
    """

    def __init__(
        self,
        connection: GuardedConnection,
        context: ssl.SSLContext,
        gate: Gate,
        under_way: set["Handshake"],
    ) -> None:
        self._connection, self._context = connection, context
        self._gate, self._under_way = gate, under_way

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport, self._host = transport, host_of(transport)
        self._refused = self._gate.enter(self._host) is not None
        self._lingers = self._refused and self._gate.linger()
        if self._refused and not self._lingers:
            self._give_up()
            return
        self._under_way.add(self)
        self._task = asyncio.create_task(self._shake_hands())

    async def _shake_hands(self) -> None:
        secure = None
        try:
            secure = await self._encrypted()
        except TimeoutError:
            self._gate.refuse(Refusal.HEADER_TIMEOUT)
        except OSError:
            pass  # They do not agree, or the client has left: it alone needs to know.
        finally:
            self._under_way.discard(self)
            if secure is None:
                self._give_up()
        if secure is not None:
            self._connection.take_over(secure, self._refused, self._lingers)

    def _give_up(self) -> None:
        self._transport.abort()
        self._gate.leave(self._host, self._lingers)

    async def _encrypted(self) -> asyncio.Transport | None:
        """The transport, or None if it was closed.

        Raises:
            TimeoutError: The client did not finish the handshake.
            OSError: It failed.
        """
        async with asyncio.timeout(self._gate.settings.header_timeout):
            secure = await asyncio.get_running_loop().start_tls(
                self._transport, self._connection, self._context, server_side=True
            )
        return None if secure is None or secure.is_closing() else secure

    def abort(self) -> None:
        """Give it up: the server stops."""
        self._task.cancel()
