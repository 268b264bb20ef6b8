"""What a tab's participant tells its page, and what it asks of it."""

import dataclasses

import numpy as np
import petal_host
from pyodide.ffi import JsException

from petal.client.javascript import to_javascript, to_python
from petal.errors import TrainingError, TransportError
from petal.participant import (
    Delivered,
    GlobalModel,
    NewRound,
    Notice,
    PrivacyBudget,
    Progress,
    Refused,
    RoleChosen,
    StateChanged,
    Unavailable,
    UpdateClipped,
)
from petal.round import RoundParameters


async def train(model: np.ndarray | None, params: RoundParameters):
    """The page's own JavaScript function, asked through the worker's port."""
    try:
        answer = await petal_host.train(to_javascript(model), to_javascript(_round(params)))
    except JsException as error:
        raise TrainingError(str(error.message)) from error
    returned = to_python(answer)
    if isinstance(returned, dict):
        return returned["weights"], returned.get("scalar", 1)
    return returned


async def token(public_key: bytes) -> str | None:
    """What the page has or gets for this participant; None where it is not to take part."""
    try:
        answer = await petal_host.enrol(public_key.hex())
    except JsException as error:
        raise TransportError(str(error.message)) from error
    return answer if isinstance(answer, str) else None


def tell(notice: Notice) -> None:
    """Pass a notice to the page as a (name, detail) event."""
    name, detail = _event(notice)
    petal_host.emit(name, to_javascript(detail))


def tell_training(done: int, total: int) -> None:
    """How far the training is."""
    petal_host.emit("progress", to_javascript(_progress("training", done, total)))


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
