"""The worker's Python side: training code, its calls, and the participant.

`web/worker/bridge.js` calls `define`, `call`, `run` and `stop`; each answers `{value}` or
`{error: {name, message, stack}}` as JavaScript objects, so that no PyProxy crosses.
"""

import asyncio
import os
import sys
import types
from collections.abc import Coroutine, Mapping

import petal_host
from js import Object
from pyodide.ffi import JsException, JsProxy, to_js

from petal.client import page, tab
from petal.client.enrolment import Enrolment
from petal.client.javascript import answering, to_python
from petal.client.transport import Response
from petal.crypto import SigningKeyPair
from petal.errors import TrainingError, TransportError
from petal.participant import Machine
from petal.privacy import LocalPrivacy

TASK = "petal_task"


@answering
def define(name: str, source: str) -> None:
    """Make `source` an importable module; run at once."""
    module = types.ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)  # noqa: S102, the user's code


@answering
def call(name: str, args: JsProxy):
    """Call a public function of the training module."""
    return _function(name)(*to_python(args))


def _function(name: str):
    function = getattr(sys.modules.get(TASK), name, None)
    if name.startswith("_") or not callable(function):
        raise TrainingError(f"the training module defines no function {name!r}")
    return function


def progress(done: int, total: int) -> None:
    """For training modules: tell the page how far the training is."""
    page.tell_training(done, total)


@answering
async def run(request: JsProxy) -> bytes:
    """Take part until `stop`; `request` is a StartRequest of web/shared/messages.js.

    Gives the participant as `Machine.save` writes it down.
    """
    global _running
    asked = request.to_py()
    machine = _machine(asked)
    _running = asyncio.ensure_future(_taking_part(machine, asked))
    try:
        await _running
    except asyncio.CancelledError:
        if not _running.cancelled():
            raise
    finally:
        _running = None
    return machine.save()


_running: asyncio.Task | None = None


@answering
def stop() -> None:
    """Leave at the next await."""
    if _running:
        _running.cancel()


def _taking_part(machine: Machine, asked: dict) -> Coroutine[None, None, None]:
    in_python = asked["train"]["kind"] == "python"
    return tab.take_part(
        machine,
        BrowserTransport(asked["coordinator"]),
        _function("train") if in_python else page.train,
        Enrolment(page.token if asked["options"].get("enrol") else None, machine.public_key),
        keep=asked["kept"],
    )


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
