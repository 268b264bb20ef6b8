"""What on the board a request asks for."""

import base64
import binascii
from collections.abc import Callable

from starlette.requests import Request

from petal_server.published import Board, Published

Look = Callable[[Request, Board], Published | None]


def participant_pk(request: Request) -> bytes | None:
    """The key that a sum participant asks with; None if it is none."""
    # A "+" that was not percent-encoded arrives as a space.
    text = request.query_params.get("pk", "").replace(" ", "+")
    try:
        pk = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return pk if len(pk) == 32 else None


def _seeds(request: Request, board: Board) -> Published | None:
    pk = participant_pk(request)
    return board.seeds.of(pk) if board.seeds and pk else None


LOOKS: dict[str, Look] = {
    "/params": lambda _, board: board.params,
    "/sums": lambda _, board: board.sums,
    "/seeds": _seeds,
}
"""By path, for what a round brings and participants wait for."""
