"""Questions that wait for news: ``Prefer: wait=N`` (RFC 7240) beside ``If-None-Match``.

A participant that has all there is would ask again and again. Instead its question is kept open
until the answer has changed, and is answered with 304 when the time is over. Who does not ask
for it is answered at once.
"""

import asyncio
import re
from collections import deque

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from petal_server.answers import UNCACHED, answer, known
from petal_server.events import Event, PhaseStarted
from petal_server.metrics import HELD
from petal_server.phases import Context
from petal_server.published import Board, Published
from petal_server.resources import LOOKS

AT_ONCE = 8
"""Questions that are let go in one turn of the event loop, so that thousands hold up nobody."""

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:[,;]|$)", re.IGNORECASE)

Room = dict[asyncio.Timeout, None]


class WaitingRoom:
    """All open questions of one coordinator, by path in the order in which they came."""

    def __init__(self, ctx: Context, longest: float) -> None:
        self.longest = longest
        self._ctx = ctx
        self._rooms: dict[str, Room] = {path: {} for path in LOOKS}
        self._shown = _versions(ctx.board)
        self._due: deque[tuple[Room, asyncio.Timeout]] = deque()
        self._closed = False
        ctx.events.listen(self._take)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def answer(self, request: Request) -> Response:
        """What the request asks for, as it is now."""
        found, etag = self.found(request)
        if not self.longest:
            return answer(request, found)
        response = answer(request, found, etag)
        response.headers["Petal-Wait"] = f"{self.longest:g}"
        response.headers["Vary"] = "Prefer"
        if HELD in request.scope:
            response.headers.update({**UNCACHED, "Preference-Applied": "wait"})
        return response

    def found(self, request: Request) -> tuple[Published | None, str]:
        """What there is, and its ETag. Nothing has one too, another in each round."""
        board = self._ctx.board
        found = LOOKS[request.scope["path"]](request, board)
        absent = f'"none-{board.params.etag[1:17] if board.params else ""}"'
        return found, found.etag if found else absent

    async def wait(self, scope: Scope, receive: Receive) -> bool:
        """Return when there is news or no time left; whether the client is still there."""
        loop = asyncio.get_running_loop()
        began, seconds = loop.time(), min(_asked_for(scope), self.longest)
        room, there = self._rooms[scope["path"]], True
        while there and not self._closed and loop.time() < began + seconds:
            if not self._nothing_new(scope):
                break
            there = await _news(receive, room, began + seconds)
            scope[HELD] = loop.time() - began
        return there

    def _nothing_new(self, scope: Scope) -> bool:
        request = Request(scope)
        return known(request, self.found(request)[1])

    def _take(self, event: Event) -> None:
        if not isinstance(event, PhaseStarted):
            return
        before, self._shown = self._shown, _versions(self._ctx.board)
        for path, room in self._rooms.items():
            if self._shown[path] != before[path]:
                self._let_go(room)

    def close(self) -> None:
        """Answer all, and keep nobody any more: the server stops."""
        self._closed = True
        for room in self._rooms.values():
            self._let_go(room)

    def _let_go(self, room: Room) -> None:
        # Who came last comes first: those who had a part in the round, rather than the idle.
        idle = not self._due
        self._due.extend((room, waiting) for waiting in reversed(room))
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


class WaitingRequests:
    """ASGI middleware, the outermost: as little as can be is kept for a question while it waits."""

    def __init__(self, app: ASGIApp, room: WaitingRoom) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        patient = self._room.longest and scope["type"] == "http" and _asked_for(scope)
        if not patient or await self._room.wait(scope, receive):
            await self._app(scope, receive, send)


async def _news(receive: Receive, room: Room, until: float) -> bool:
    """Return at that time, when there is news, or when the client is gone; whether it is not."""
    try:
        async with asyncio.timeout_at(until) as waiting:
            room[waiting] = None
            # No body is read: the next message is that the client is gone.
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return True
    finally:
        room.pop(waiting, None)
    return False


def _asked_for(scope: Scope) -> int:
    """For how many seconds the question may stay open; 0 for any other request."""
    if scope["method"] != "GET" or scope["path"] not in LOOKS:
        return 0
    for name, value in scope["headers"]:
        if name == b"prefer" and (wanted := _WAIT.search(value.decode("latin-1"))):
            return int(wanted[1])
    return 0


def _versions(board: Board) -> dict[str, object]:
    """By path something that changes with it, for every asker; a new round changes all."""
    return {
        "/params": board.params,
        "/sums": (board.params, board.sums),
        "/seeds": (board.params, board.seeds),
    }
