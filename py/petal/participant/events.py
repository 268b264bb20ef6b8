"""What the machine asks for, and what it is told. All plain frozen values.

A driver carries out the one *request* among the effects and answers it with one *event*; the
other effects are notices (`notices.py`) and need no answer. Fields that hold secrets, weights or
much data are left out of the repr.
"""

import json
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from petal.mask import MaskConfigPair, MaskObject
from petal.participant.notices import Notice
from petal.privacy import Noise
from petal.round import RoundParameters

Scalar = int | float | Fraction
_MAX_RECEIPT = 4096


# ---- requests: exactly one event answers each -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetch:
    """GET `resource` ("params", "sums", "seeds", "model"); answer with Fetched or Unreachable.

    `query` is at most one (name, value) pair, not yet URL-encoded. An answer whose body is
    longer than `limit` bytes is to be given up unread. With `known`, the tag of an earlier answer,
    it may also be answered with Unchanged; the coordinator is asked (`Prefer: wait`) to do that
    only when `wait` seconds have brought nothing else.
    """

    resource: str
    limit: int
    query: tuple[tuple[str, str], ...] = ()
    known: str | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Post:
    """POST `body`, part `index` of `total`, to /message; answer with Posted or Unreachable."""

    body: bytes = field(repr=False)
    index: int
    total: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Let `seconds` pass; answer with Elapsed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Train:
    """Train on local data; answer with Trained, TrainingFailed or TrainingDeferred.

    `model` is the global model, shape (params.model_length,) in the data type's dtype, or None
    when there is none yet.
    """

    model: np.ndarray | None = field(repr=False, compare=False)
    params: RoundParameters


@dataclass(frozen=True, slots=True)
class MaskModel:
    """Mask the weights with the seed's mask; answer with ModelMasked or WorkFailed. Heavy.

    With `noise` they are clipped and noised first (`encode` in work.py).
    """

    weights: np.ndarray = field(repr=False, compare=False)
    scalar: Scalar
    seed: bytes = field(repr=False, compare=False)
    config: MaskConfigPair
    noise: Noise | None = None


@dataclass(frozen=True, slots=True)
class SumMasks:
    """Derive the mask of each seed and add them; answer with MasksSummed or WorkFailed. Heavy."""

    seeds: tuple[bytes, ...] = field(repr=False, compare=False)
    length: int
    config: MaskConfigPair


@dataclass(frozen=True, slots=True)
class Done:
    """The participant has taken part in as many rounds as it was asked to. No answer."""


Work = MaskModel | SumMasks
Request = Fetch | Post | Wait | Train | MaskModel | SumMasks | Done
REQUESTS = (Fetch, Post, Wait, Train, MaskModel, SumMasks, Done)


# ---- events ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetched:
    """The coordinator answered a Fetch: HTTP status and whole body, and the body's tag.

    `offered` is for how many seconds it keeps a question open, 0 where it does not.
    """

    resource: str
    status: int
    body: bytes = field(repr=False, default=b"")
    etag: str | None = None
    offered: float = 0.0


@dataclass(frozen=True, slots=True)
class Unchanged:
    """There is nothing but what the Fetch said is known."""

    resource: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message: outcome accepted, rejected, discarded or pending, and why."""

    outcome: str
    reason: str | None = None

    @classmethod
    def parse(cls, body: bytes) -> "Receipt | None":
        """The receipt in an answer's JSON body; None where there is none, as Xaynet gives none."""
        try:
            fields = json.loads(body[:_MAX_RECEIPT])
            outcome, reason = fields["outcome"], fields.get("reason")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        known = outcome in ("accepted", "rejected", "discarded", "pending")
        return cls(outcome, None if reason is None else str(reason)) if known else None


@dataclass(frozen=True, slots=True)
class Posted:
    """The coordinator answered a Post; `receipt` is None where it gives none, as Xaynet's."""

    status: int
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No usable answer to a Fetch or Post: no connection, time-out, or too large a body."""

    reason: str


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The time of a Wait has passed."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The local model, shape (model_length,) in the data type's dtype.

    `scalar` is this model's weight in the mean; None takes the participant's own.
    """

    weights: np.ndarray = field(repr=False, compare=False)
    scalar: Scalar | None = None


@dataclass(frozen=True, slots=True)
class TrainingFailed:
    """Training raised; the participant sits this round out."""

    reason: str


@dataclass(frozen=True, slots=True)
class TrainingDeferred:
    """There is no local model yet: ask again after a while, unless the round has changed."""


@dataclass(frozen=True, slots=True)
class ModelMasked:
    """The answer to MaskModel."""

    masked_model: MaskObject = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class MasksSummed:
    """The answer to SumMasks."""

    mask: MaskObject = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class WorkFailed:
    """MaskModel or SumMasks could not be carried out (out of memory, too many models)."""

    reason: str


Event = (
    Fetched
    | Unchanged
    | Posted
    | Unreachable
    | Elapsed
    | Trained
    | TrainingFailed
    | TrainingDeferred
) | (ModelMasked | MasksSummed | WorkFailed)

Effect = Request | Notice
