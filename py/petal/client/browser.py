"""The worker's Python side: training code, its calls, and the participant.

`web/worker/bridge.js` calls `define`, `call`, `run` and `stop`; each answers `{value}` or
`{error: {name, message, stack}}` as JavaScript objects, so that no PyProxy crosses.
"""

import asyncio
import contextlib
import dataclasses
import functools
import inspect
import os
import sys
import traceback
import types
from collections.abc import Mapping

import numpy as np
import petal_host
from js import Object
from pyodide.ffi import JsException, JsProxy, jsnull, to_js

from petal.client import kernel, seen
from petal.client.driver import Trainer, drive
from petal.client.enrolment import Enrolment
from petal.client.transport import Response
from petal.crypto import SigningKeyPair
from petal.errors import TrainingError, TransportError
from petal.participant import (
    Delivered,
    Event,
    GlobalModel,
    Machine,
    ModelMasked,
    NewRound,
    Notice,
    Post,
    PrivacyBudget,
    Progress,
    Refused,
    Request,
    RoleChosen,
    StateChanged,
    Unavailable,
    UpdateClipped,
    Work,
    carry_out,
)
from petal.privacy import LocalPrivacy
from petal.round import RoundParameters

TASK = "petal_task"


def _javascript(value):
    """`value` as JavaScript: arrays as typed arrays (flat), dictionaries as objects."""
    return to_js(_plain(value), dict_converter=Object.fromEntries, create_pyproxies=False)


def _plain(value):
    if value is None:
        return jsnull
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).reshape(-1).data
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _python(value):
    """A JavaScript value as Python: typed arrays as numpy arrays, objects as dictionaries."""
    return _with_arrays(value.to_py() if isinstance(value, JsProxy) else value)


def _with_arrays(value):
    if value is jsnull:
        return None
    if isinstance(value, memoryview):
        return np.asarray(value)
    if isinstance(value, dict):
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item) for item in value]
    return value


def _answering(function):
    """Turn the result, or whatever was raised, into the answer that the bridge expects."""

    @functools.wraps(function)
    async def answer(*args):
        try:
            value = function(*args)
            if inspect.isawaitable(value):
                value = await value
            return _javascript({"value": value})
        except Exception as error:  # noqa: BLE001, it is told on the page
            stack = "".join(traceback.format_exception(error))
            return _javascript({"error": {**_plain_error(error), "stack": stack}})

    return answer


def _plain_error(error: Exception) -> dict:
    if isinstance(error, MemoryError):  # numpy's is a subclass with a name of its own
        return {"name": "MemoryError", "message": _OUT_OF_MEMORY}
    return {"name": type(error).__name__, "message": str(error)}


_OUT_OF_MEMORY = (
    "This tab ran out of memory, so its worker was ended and its memory freed. Close other tabs, "
    "then start again, or use a larger device."
)


@_answering
def define(name: str, source: str) -> None:
    """Make `source` an importable module; run at once."""
    module = types.ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)  # noqa: S102, the user's code


@_answering
def call(name: str, args: JsProxy):
    """Call a public function of the training module."""
    return _function(name)(*_python(args))


def _function(name: str):
    function = getattr(sys.modules.get(TASK), name, None)
    if name.startswith("_") or not callable(function):
        raise TrainingError(f"the training module defines no function {name!r}")
    return function


@_answering
async def run(request: JsProxy) -> bytes:
    """Take part until `stop`; `request` is a StartRequest of web/shared/messages.js.

    Gives the participant as `Machine.save` writes it down.
    """
    global _running
    asked = request.to_py()
    machine = _machine(asked)
    _running = asyncio.ensure_future(_take_part(machine, asked))
    try:
        await _running
    except asyncio.CancelledError:
        if not _running.cancelled():
            raise
    finally:
        _running = None
    return machine.save()


_running: asyncio.Task | None = None


@_answering
def stop() -> None:
    """Leave at the next await."""
    if _running:
        _running.cancel()


def _machine(asked: dict) -> Machine:
    """The participant that was saved; a new one where there is none."""
    options = asked["options"]
    privacy = _privacy(options.get("privacy"))
    if saved := asked.get("snapshot"):
        progress = asked.get("progress")
        return Machine.restore(
            bytes(saved),
            random=os.urandom,
            progress=progress and bytes(progress),
            privacy=privacy,
        )
    scalar = options.get("scalar", 1)
    return Machine(SigningKeyPair.generate(), random=os.urandom, scalar=scalar, privacy=privacy)


def _privacy(settings: object) -> LocalPrivacy | None:
    """What `privacySettings` of web/privacy.js let pass; PrivacyError where it makes no sense."""
    if not isinstance(settings, dict):
        return None
    if "updates" in settings:
        return LocalPrivacy.for_updates(**settings)
    return LocalPrivacy(noise_multiplier=settings.pop("noiseMultiplier"), **settings)


class _Paused(Exception):
    """Not now: leave the request, and begin again with a look at the round."""


async def _take_part(machine: Machine, asked: dict) -> None:
    transport = BrowserTransport(asked["coordinator"])
    in_python = asked["train"]["kind"] == "python"
    trainer = _watched(_function("train") if in_python else _train_on_the_page)
    keeper = Keeper(machine) if asked["kept"] else None
    enrolment = Enrolment(_token if asked["options"].get("enrol") else None, machine.public_key)
    while True:
        await petal_host.turn()
        with contextlib.suppress(_Paused):
            before = functools.partial(_before, keeper)
            return await drive(
                machine, transport, trainer, _tell, enrolment=enrolment, work=_work, before=before
            )


_exhausted: MemoryError | None = None


def _watched(trainer: Trainer) -> Trainer:
    """`trainer`, after which `_before` ends the run if it was out of memory: the heap of a tab
    never shrinks, so the next round would fail as well. The page takes a new worker."""

    async def train(model, params):
        global _exhausted
        try:
            result = trainer(model, params)
            return await result if inspect.isawaitable(result) else result
        except MemoryError as error:
            _exhausted = error
            raise

    return train


async def _before(keeper: "Keeper | None", request: Request) -> None:
    if keeper:
        await keeper.before(request)
    if _exhausted:
        raise _exhausted
    if petal_host.paused():
        raise _Paused


class Keeper:
    """Writes the participant down before anything leaves, so that a reload sends nothing twice."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._kept = None

    async def before(self, request: Request) -> None:
        """Awaits the writing of what changed since the last time."""
        params = self._machine.params
        now = (self._machine.state, params and params.seed)
        if now != self._kept:
            await petal_host.keep(to_js(self._machine.save()))
        elif isinstance(request, Post):  # the megabytes that are sent are kept already
            await petal_host.keepProgress(to_js(self._machine.save_progress()))
        self._kept = now


class BrowserTransport:
    """The worker's `fetch`, as `petal.client.transport.Transport`."""

    def __init__(self, url: str):
        self.url = url

    async def fetch(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> Response:
        """One request; the browser keeps answers and revalidates them by itself."""
        sent = to_js(dict(headers), dict_converter=Object.fromEntries)
        data = None if body is None else to_js(body)
        try:
            answer = await petal_host.request(method, f"{self.url}/{path}", sent, data, limit)
        except JsException as error:
            raise TransportError(str(error.message)) from error
        return Response(answer.status, answer.headers.to_py(), answer.body.to_bytes())


async def _token(public_key: bytes) -> str | None:
    """What the page has or gets for this participant; None where it is not to take part."""
    try:
        token = await petal_host.enrol(public_key.hex())
    except JsException as error:
        raise TransportError(str(error.message)) from error
    return token if isinstance(token, str) else None


async def _work(request: Work) -> Event:
    event = await kernel.work(request) if kernel.available() else carry_out(request)
    if isinstance(event, ModelMasked):
        petal_host.emit("masked", _javascript(seen.side_by_side(request, event)))
    return event


async def _train_on_the_page(model: np.ndarray | None, params: RoundParameters):
    """The page's own JavaScript function, asked through the worker's port."""
    try:
        answer = await petal_host.train(_javascript(model), _javascript(_round(params)))
    except JsException as error:
        raise TrainingError(str(error.message)) from error
    returned = _python(answer)
    if isinstance(returned, dict):
        return returned["weights"], returned.get("scalar", 1)
    return returned


def progress(done: int, total: int) -> None:
    """For training modules: tell the page how far the training is."""
    petal_host.emit("progress", _javascript(_progress("training", done, total)))


def _tell(notice: Notice) -> None:
    """Pass a notice to the page as a (name, detail) event."""
    name, detail = _event(notice)
    petal_host.emit(name, _javascript(detail))


def _event(notice: Notice) -> tuple[str, dict]:
    match notice:
        case NewRound(params):
            return "round", _round(params)
        case RoleChosen(role):
            return "role", {"role": str(role)}
        case GlobalModel(weights):
            return "model", {"weights": weights}
        case StateChanged(state):
            return "progress", _progress(state, 0, 0)
        case Progress(stage, done, total):
            return "progress", _progress(f"sending_{stage}", done, total)
        case Delivered(stage, outcome):
            return "message", {"stage": stage, "outcome": outcome, "reason": None}
        case Refused(stage, outcome, reason):
            return "message", {"stage": stage, "outcome": outcome, "reason": reason}
        case UpdateClipped(norm, clip):
            return "clipped", {"norm": norm, "clip": clip}
        case PrivacyBudget():
            return "privacy", dataclasses.asdict(notice)
        case Unavailable(reason, _, delay):
            return "unavailable", {"reason": reason, "retryInSeconds": delay}
    return "warning", {"message": str(notice)}


def _progress(stage: str, done: int, total: int) -> dict:
    return {"stage": str(stage), "done": done, "total": total}


def _round(params: RoundParameters) -> dict:
    return {
        "seed": params.seed.hex(),
        "sumProbability": params.sum_prob,
        "updateProbability": params.update_prob,
        "modelLength": params.model_length,
        "maskConfig": str(params.mask_config.vect),
        "dataType": params.mask_config.vect.data.name,
    }
