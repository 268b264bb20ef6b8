"""Carries out what a machine asks for. asyncio only, so the same loop runs in CPython and a tab."""

import asyncio
import inspect
import logging
import re
import sys
import threading
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import numpy as np

from petal.client.enrolment import ADVICE, Enrolment
from petal.client.transport import Response, Transport
from petal.errors import EnrolmentError, TransportError
from petal.participant import (
    REQUESTS,
    Done,
    Elapsed,
    Event,
    Fetch,
    Fetched,
    Machine,
    MaskModel,
    Notice,
    Post,
    Posted,
    Receipt,
    Request,
    SumMasks,
    Train,
    Trained,
    TrainingDeferred,
    TrainingFailed,
    Unchanged,
    Unreachable,
    Wait,
    Work,
    carry_out,
)
from petal.round import RoundParameters

log = logging.getLogger(__name__)

Weights = np.ndarray
TrainingResult = (
    Weights | tuple[Weights, float] | Trained | TrainingDeferred | TrainingFailed | None
)
Trainer = Callable[[Weights | None, RoundParameters], TrainingResult | Awaitable[TrainingResult]]
Observer = Callable[[Notice], None]
Before = Callable[[Request], Awaitable[None]]

# A tab has no threads; there the heavy work is JavaScript's, and `work` awaits it.
_THREADS = sys.platform != "emscripten"
_MAX_RECEIPT = 1 << 16
_TAG = re.compile(r'(?:W/)?"[!#-~]{1,128}"')
_SECONDS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?")
_ACCEPT = {
    "params": "application/octet-stream",
    "sums": "application/octet-stream",
    "seeds": "application/octet-stream",
    "model": "application/x-npy, application/octet-stream;q=0.5",
}


async def drive(
    machine: Machine,
    transport: Transport,
    trainer: Trainer,
    observer: Observer | None = None,
    *,
    enrolment: Enrolment | None = None,
    work: Callable[[Work], Awaitable[Event]] | None = None,
    before: Before | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Take part in rounds until the machine is done; cancel the task to stop earlier.

    `trainer(model, params)` is given the global model (read-only array of the data type's dtype,
    or None) and returns new weights, or (weights, scalar), or None to sit the round out; it may
    be a coroutine function, a plain one runs in a thread. `observer` is given each notice.
    `enrolment` has this machine's token, for a coordinator that admits nobody without;
    EnrolmentError where it has none that the coordinator takes.
    `work` answers MaskModel and SumMasks. `before` is awaited ahead of each request: time to
    write the machine down before anything leaves, and what it raises ends this. The machine is
    consistent at every await, so it can be saved there, in the observer and after an end.
    """
    enrolment = enrolment or Enrolment(None, machine.public_key)
    effects = machine.resume()
    while True:
        request = None
        for effect in effects:
            if isinstance(effect, REQUESTS):
                request = effect
            elif observer:
                observer(effect)
        if request is None or isinstance(request, Done):
            return
        if before:
            await before(request)
        event = await _perform(request, transport, trainer, enrolment, work or _work, sleep)
        effects = machine.receive(event)


async def _perform(request: Request, transport, trainer, enrolment, work, sleep) -> Event:
    match request:
        case Fetch():
            return await _fetch(request, transport, enrolment)
        case Post():
            return await _post(request, transport, enrolment)
        case Wait(seconds):
            await sleep(seconds)
            return Elapsed()
        case Train(model, params):
            return await _train(trainer, model, params)
        case MaskModel() | SumMasks():
            return await work(request)
    raise TypeError(f"not a request: {request!r}")


async def _fetch(request: Fetch, transport: Transport, enrolment: Enrolment) -> Event:
    query = "?" + urlencode(request.query) if request.query else ""
    headers = {"accept": _ACCEPT[request.resource]}
    if request.known:
        headers |= {"if-none-match": request.known, "prefer": f"wait={int(request.wait)}"}
    try:
        answer = await transport.fetch(
            "GET", request.resource + query, headers, None, request.limit
        )
    except TransportError as error:
        return Unreachable(str(error))
    if request.resource == "params" and answer.status in (200, 304):
        trouble = await _enrol(enrolment.prepare(answer.headers))
        if trouble:
            return trouble
    if answer.status == 304 and request.known:
        return Unchanged(request.resource)
    return Fetched(request.resource, answer.status, answer.body, *_waiting(answer))


def _waiting(answer: Response) -> tuple[str | None, float]:
    """The answer's tag, and the seconds for which the coordinator keeps questions open."""
    etag, offered = answer.headers.get("etag"), answer.headers.get("petal-wait", "")
    usable = etag if etag and _TAG.fullmatch(etag) else None
    return usable, float(offered) if _SECONDS.fullmatch(offered) else 0.0


async def _enrol(work: Awaitable[None]) -> Unreachable | None:
    """Who issues tokens may be away for a while, as the coordinator may: that is waited for."""
    try:
        await work
    except EnrolmentError:
        raise
    except Exception as error:
        log.error("no enrolment token", exc_info=error)
        return Unreachable(f"no enrolment token can be had: {error}")
    return None


async def _post(request: Post, transport: Transport, enrolment: Enrolment) -> Event:
    event = await _post_once(request, transport, enrolment)
    if (reason := _not_admitted(event)) is None:
        return event
    trouble = await _enrol(enrolment.renew(reason))
    if trouble:
        return trouble
    event = await _post_once(request, transport, enrolment)
    if reason := _not_admitted(event):
        raise enrolment.refused(reason)
    return event


def _not_admitted(event: Event) -> str | None:
    receipt = event.receipt if isinstance(event, Posted) else None
    return receipt.reason if receipt and receipt.reason in ADVICE else None


async def _post_once(request: Post, transport: Transport, enrolment: Enrolment) -> Event:
    headers = {"accept": "application/json", **enrolment.headers}
    try:
        answer = await transport.fetch("POST", "message", headers, request.body, _MAX_RECEIPT)
    except TransportError as error:
        return Unreachable(str(error))
    return Posted(answer.status, Receipt.parse(answer.body))


async def _work(request: Work) -> Event:
    return await in_thread(carry_out, request) if _THREADS else carry_out(request)


async def _train(trainer: Trainer, model: Weights | None, params: RoundParameters) -> Event:
    try:
        if _THREADS and not inspect.iscoroutinefunction(trainer):
            result = await in_thread(trainer, model, params)
        else:
            result = trainer(model, params)
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:
        log.error("training failed", exc_info=error)
        return TrainingFailed(f"{type(error).__name__}: {error}")
    return _training_event(result)


def _training_event(result: TrainingResult) -> Event:
    if isinstance(result, Trained | TrainingDeferred | TrainingFailed):
        return result
    if result is None:
        return TrainingFailed("the training function returned no model")
    if isinstance(result, tuple) and len(result) == 2:
        return Trained(*result)
    return Trained(result)


async def in_thread(function: Callable, *args):
    """`function(*args)` in a thread that nobody waits for at exit, unlike asyncio's own pool:
    Ctrl-C in the midst of a long training is to end the program."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    name = getattr(function, "__name__", "work")  # a callable object has none

    def settle(result, error):
        if not future.done():
            future.set_exception(error) if error else future.set_result(result)

    def run():
        result = error = None
        try:
            result = function(*args)
        except StopIteration as caught:  # no future holds one, and this would wait for ever
            error = RuntimeError(f"{name} raised StopIteration: next() found nothing more")
            error.__cause__ = caught
        except BaseException as caught:  # noqa: BLE001, raised again where it is awaited
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=f"petal {name}", daemon=True).start()
    return await future
