"""A large answer leaves the event loop to others, however fast who reads it."""

import asyncio
from itertools import groupby

from starlette.requests import Request

from petal_server.answers import PIECE, answer
from petal_server.published import Published


def test_others_go_on_between_the_pieces_of_a_model():
    body = bytes(range(256)) * (5 * PIECE // 256) + b"end"
    happened: list[bytes] = []

    async def send(message) -> None:
        """To a reader that never makes the sender wait."""
        if piece := message.get("body"):
            happened.append(piece)

    async def hear_nothing() -> None:
        await asyncio.Event().wait()

    async def others() -> None:
        while True:
            happened.append(b"")
            await asyncio.sleep(0)

    async def main() -> None:
        response = answer(Request({"type": "http", "headers": []}), Published.of(body))
        beside = asyncio.create_task(others())
        await response({"type": "http"}, hear_nothing, send)
        beside.cancel()

    asyncio.run(main())
    assert b"".join(happened) == body
    in_a_row = [len(list(pieces)) for sent, pieces in groupby(happened, bool) if sent]
    assert in_a_row == [1] * 6
