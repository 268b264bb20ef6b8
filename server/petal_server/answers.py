"""How bytes are answered: with an ETag, 304 for who has them, bit by bit where they are many."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from petal_server.published import Published

HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Answers may be kept but must be asked for again: with an ETag that costs a 304."""

UNCACHED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Answers that are only true now."""

PIECE = 2**18


def answer(request: Request, published: Published | None, etag: str | None = None) -> Response:
    """200 with the bytes, 304 if the sender has them, 204 where there is nothing yet.

    ``etag`` is that of nothing, where a sender may ask for something else than that.
    """
    etag = published.etag if published else etag
    headers = {**HEADERS, "ETag": etag} if etag else HEADERS
    if etag and known(request, etag):
        return Response(status_code=304, headers=headers)
    if published is None:
        return Response(status_code=204, headers=headers)
    if len(published.body) <= PIECE:
        return Response(published.body, headers=headers, media_type=published.media_type)
    headers["Content-Length"] = str(len(published.body))
    return StreamingResponse(_pieces(published.body), 200, headers, published.media_type)


def known(request: Request, etag: str) -> bool:
    """Whether the sender says that it has the bytes of this ETag."""
    tags = request.headers.get("if-none-match", "").split(",")
    return etag in (tag.strip().removeprefix("W/") for tag in tags)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A model bit by bit, each when the last is sent: in one go it would hold the loop up.

    A fast reader never makes us wait, so we give way ourselves: else that was up to 40 ms.
    """
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]
        await asyncio.sleep(0)
