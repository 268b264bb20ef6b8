"""Questions that wait for news: ``Prefer: wait=N`` (RFC 7240) beside ``If-None-Match``.

A participant that has all there is would ask again and again. Instead its question is kept open
until the answer has changed, and is answered with 304 when the time is over. Who does not ask
for it is answered at once.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from petal_server.answers import UNCACHED, answer, known
from petal_server.events import Event, PhaseStarted
from petal_server.metrics import HELD
from petal_server.phases import Context
from petal_server.published import Board, Published

AT_ONCE = 16
"""Questions that are let go in one turn of the event loop, so that thousands hold up nobody."""

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:[,;]|$)", re.IGNORECASE)

GONE = 499
"""The status under which measurements count who left meanwhile; nobody is told it."""

Look = Callable[[Board], Published | None]
Room = dict[asyncio.Timeout, None]


class WaitingRoom:
    """All open questions of one coordinator, in the order in which they came."""

    def __init__(self, ctx: Context, longest: float) -> None:
        self.longest = longest
        self._ctx = ctx
        self._rooms: dict[str, Room] = {name: {} for name in _versions(ctx.board)}
        self._shown = _versions(ctx.board)
        self._due: deque[tuple[Room, asyncio.Timeout]] = deque()
        self._closed = False
        ctx.events.listen(self._take)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    async def answer(self, request: Request, resource: str, look: Look) -> Response:
        """What ``look`` finds on the board: now or, for who waits, once it is something else."""
        if not self.longest:
            return answer(request, look(self._ctx.board))
        try:
            held = await self._wait(request, resource, look)
        except ClientDisconnect:
            return Response(status_code=GONE)
        response = answer(request, *self.found(look))
        response.headers["Petal-Wait"] = f"{self.longest:g}"
        response.headers["Vary"] = "Prefer"
        if held:
            response.headers.update({**UNCACHED, "Preference-Applied": "wait"})
        return response

    def found(self, look: Look) -> tuple[Published | None, str]:
        """What there is, and its ETag. Nothing has one too, another in each round."""
        board = self._ctx.board
        found = look(board)
        absent = f'"none-{board.params.etag[1:17] if board.params else ""}"'
        return found, found.etag if found else absent

    async def _wait(self, request: Request, resource: str, look: Look) -> bool:
        """Whether the question was kept open for a while."""
        seconds = min(_asked_for(request), self.longest)
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self._closed and loop.time() < began + seconds:
            if not known(request, self.found(look)[1]):
                break
            await self._news(request, self._rooms[resource], began + seconds)
            request.scope[HELD] = loop.time() - began
        return HELD in request.scope

    async def _news(self, request: Request, room: Room, until: float) -> None:
        """Return at that time or when there is news, whatever comes first.

        Raises:
            ClientDisconnect: Who asked is gone.
        """
        try:
            async with asyncio.timeout_at(until) as waiting:
                room[waiting] = None
                # No body is read: the next message is that the client is gone.
                while (await request.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        finally:
            room.pop(waiting, None)
        raise ClientDisconnect

    def _take(self, event: Event) -> None:
        if not isinstance(event, PhaseStarted):
            return
        before, self._shown = self._shown, _versions(self._ctx.board)
        for resource, room in self._rooms.items():
            if self._shown[resource] != before[resource]:
                self._let_go(room)

    def close(self) -> None:
        """Answer all, and keep nobody any more: the server stops."""
        self._closed = True
        for room in self._rooms.values():
            self._let_go(room)

    def _let_go(self, room: Room) -> None:
        idle = not self._due
        self._due.extend((room, waiting) for waiting in room)
        if idle and self._due:
            self._let_some_go()

    def _let_some_go(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(min(AT_ONCE, len(self._due))):
            room, waiting = self._due.popleft()
            if waiting in room and not waiting.expired():
                waiting.reschedule(loop.time())
        if self._due:
            loop.call_soon(self._let_some_go)


def _asked_for(request: Request) -> int:
    wanted = _WAIT.search(request.headers.get("prefer", ""))
    return int(wanted[1]) if wanted and request.method == "GET" else 0


def _versions(board: Board) -> dict[str, object]:
    """By resource something that changes with it, for every asker; a new round changes all."""
    return {
        "params": board.params,
        "sums": (board.params, board.sums),
        "seeds": (board.params, board.seeds),
    }
