"""The HTTP side: reads a request, asks intake or the board, writes an answer. No rules here."""

import json

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from petal_server.admission import token_in
from petal_server.answers import UNCACHED, answer
from petal_server.intake import Intake
from petal_server.limits.reading import BodyTooLarge, BodyTooSlow, NoRoom, body_of
from petal_server.outcome import Reason, Receipt
from petal_server.phases import Context
from petal_server.published import NPY, Published
from petal_server.resources import participant_pk
from petal_server.status import status
from petal_server.waiting import WaitingRoom


async def post_message(request: Request) -> Response:
    """Xaynet's answer, 200 and empty whatever became of it; a receipt for who asks for JSON.

    Only where the coordinator itself failed, say for want of its store, it is 503.
    """
    intake: Intake = request.app.state.intake
    try:
        async with body_of(request, request.app.state.gate, intake.max_message_size) as body:
            return _receipt(request, await intake.receive(body, token_in(request.headers)))
    except ClientDisconnect:
        return Response(status_code=400)
    except BodyTooLarge:
        return _receipt(request, intake.refuse_too_large(), status_code=413)
    except BodyTooSlow:
        headers = {**UNCACHED, "Connection": "close"}
        return PlainTextResponse("The message did not come in time.\n", 408, headers)
    except NoRoom:
        headers = {**UNCACHED, "Retry-After": "2"}
        return PlainTextResponse("There is no room for the message now.\n", 503, headers)


def _receipt(request: Request, receipt: Receipt, status_code: int = 200) -> Response:
    if receipt.reason is Reason.COORDINATOR_ERROR:
        response = _receipt_of(request, receipt, 503)
        response.headers["Retry-After"] = "2"
        return response
    return _receipt_of(request, receipt, status_code)


def _receipt_of(request: Request, receipt: Receipt, status_code: int) -> Response:
    if "application/json" not in request.headers.get("accept", ""):
        return Response(status_code=status_code)
    reason = receipt.reason.value if receipt.reason else None
    content = {"outcome": receipt.outcome.value, "reason": reason}
    return JSONResponse(content, status_code, headers={"Cache-Control": "no-store"})


async def get_params(request: Request) -> Response:
    response = _waiting(request).answer(request)
    response.headers.update(request.app.state.admission.hint)
    return response


async def get_sums(request: Request) -> Response:
    return _waiting(request).answer(request)


async def get_seeds(request: Request) -> Response:
    if participant_pk(request) is None:
        return PlainTextResponse("pk is not 32 bytes in Base64.\n", 400, UNCACHED)
    return _waiting(request).answer(request)


async def get_model(request: Request) -> Response:
    board = _context(request).board
    wants_npy = NPY in request.headers.get("accept", "")
    response = answer(request, board.model_npy if wants_npy else board.model_bincode)
    response.headers["Vary"] = "Accept"
    if board.model_id:
        response.headers["Petal-Model-Id"] = board.model_id
    return response


async def get_status(request: Request) -> Response:
    body = json.dumps(status(_context(request))).encode()
    return answer(request, Published.of(body, "application/json"))


def _waiting(request: Request) -> WaitingRoom:
    return request.app.state.onlookers.waiting


def _context(request: Request) -> Context:
    return request.app.state.context


PROTOCOL_ROUTES = [
    Route("/message", post_message, methods=["POST"]),
    Route("/params", get_params),
    Route("/sums", get_sums),
    Route("/seeds", get_seeds),
    Route("/model", get_model),
    Route("/status", get_status),
]
