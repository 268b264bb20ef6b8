"""What the machine asks for, what it tells, and what it is told. All plain frozen values.

A driver carries out the one *request* among the effects and answers it with one *event*;
*notices* need no answer. Fields that hold secrets, weights or much data are left out of the repr.
"""

import json
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from petal.mask import MaskConfigPair, MaskObject
from petal.participant.transitions import State
from petal.round import Role, RoundParameters

Scalar = int | float | Fraction
_MAX_RECEIPT = 4096


# ---- requests: exactly one event answers each -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetch:
    """GET `resource` ("params", "sums", "seeds", "model"); answer with Fetched or Unreachable.

    `query` is at most one (name, value) pair, not yet URL-encoded. An answer whose body is
    longer than `limit` bytes is to be given up unread.
    """

    resource: str
    limit: int
    query: tuple[tuple[str, str], ...] = ()


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
    """Mask the weights with the seed's mask; answer with ModelMasked or WorkFailed. Heavy."""

    weights: np.ndarray = field(repr=False, compare=False)
    scalar: Scalar
    seed: bytes = field(repr=False, compare=False)
    config: MaskConfigPair


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
    """The coordinator answered a Fetch: HTTP status and whole body."""

    resource: str
    status: int
    body: bytes = field(repr=False, default=b"")


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


Event = (Fetched | Posted | Unreachable | Elapsed | Trained | TrainingFailed | TrainingDeferred) | (
    ModelMasked | MasksSummed | WorkFailed
)


# ---- notices: str() of each is a sentence for a log or a terminal ------------------------------


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The machine entered another state of the transition table."""

    state: State

    def __str__(self):
        return f"state: {self.state}"


@dataclass(frozen=True, slots=True)
class NewRound:
    """The coordinator runs a round this participant did not know; `ended` others came before."""

    params: RoundParameters = field(repr=False)
    ended: int

    def __str__(self):
        return f"new round {self.params.seed.hex()[:8]}: {self.params.model_length} weights"


@dataclass(frozen=True, slots=True)
class RoleChosen:
    """What the lot made of this participant in the new round."""

    role: Role

    def __str__(self):
        return {
            Role.SUM: "role: sum participant",
            Role.UPDATE: "role: update participant",
            Role.NONE: "role: none, waiting for the next round",
        }[self.role]


@dataclass(frozen=True, slots=True)
class GlobalModel:
    """The newest global model, fetched once a round; None while there is none."""

    weights: np.ndarray | None = field(repr=False, compare=False)

    def __str__(self):
        if self.weights is None:
            return "no global model yet"
        return f"global model: {len(self.weights)} weights"


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` parts of the message of `stage` ("sum", "update", "sum2") are sent."""

    stage: str
    done: int
    total: int

    def __str__(self):
        return f"{self.stage} message: part {self.done} of {self.total} sent"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A whole message is with the coordinator; `outcome` is None where it gives no receipts."""

    stage: str
    outcome: str | None

    def __str__(self):
        return f"{self.stage} message {self.outcome or 'delivered'}"


@dataclass(frozen=True, slots=True)
class Refused:
    """The coordinator did not take the message; the participant sits out the rest of the round."""

    stage: str
    outcome: str
    reason: str | None

    def __str__(self):
        return f"{self.stage} message {self.outcome}: {self.reason or 'no reason given'}"


@dataclass(frozen=True, slots=True)
class WeightsClamped:
    """Some weights did not fit the masking configuration and were cut off at its bound.

    `clamped` counts weights that times the scalar are beyond `bound`, infinities included;
    `nans` counts those that are no number and went in as 0. `scalar_clamped` says whether
    the scalar itself was cut off at the bound.
    """

    clamped: int
    nans: int
    total: int
    bound: float
    scalar_clamped: bool = False

    @property
    def share(self) -> float:
        """The share of weights that were changed, 0 to 1."""
        return (self.clamped + self.nans) / self.total

    def __str__(self):
        scalar = "; the scalar was cut off as well" if self.scalar_clamped else ""
        return (
            f"{self.clamped} of {self.total} weights ({self.clamped / self.total:.1%}) were cut "
            f"off at {self.bound:g} and {self.nans} that are not a number count as 0{scalar}. "
            "A masking configuration with a higher bound keeps them."
        )


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The coordinator is down or answers oddly; asked again after about `delay` seconds."""

    reason: str
    attempt: int
    delay: float

    def __str__(self):
        return f"{self.reason}; trying again in {self.delay:.1f} s (attempt {self.attempt})"


@dataclass(frozen=True, slots=True)
class Warning:
    """Something went wrong that a person should know; the participant goes on."""

    reason: str

    def __str__(self):
        return self.reason


Notice = (
    StateChanged
    | NewRound
    | RoleChosen
    | GlobalModel
    | Progress
    | Delivered
    | Refused
    | WeightsClamped
    | Unavailable
    | Warning
)
Effect = Request | Notice
