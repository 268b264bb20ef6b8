"""What the machine tells while it goes. `str()` of each is a sentence for a log or a terminal."""

import math
from dataclasses import dataclass, field

import numpy as np

from petal.participant.transitions import State
from petal.round import Role, RoundParameters


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
class UpdateClipped:
    """With differential privacy: the update was longer than the clip. Tells about local data."""

    norm: float
    clip: float

    def __str__(self):
        return f"the update's norm of {self.norm:.3g} is cut to {self.clip:g}"


@dataclass(frozen=True, slots=True)
class PrivacyBudget:
    """What of the budget for differential privacy is spent: `spent` of `epsilon`, at `delta`.

    `updates` were sent and charged; the rest pays for `left` more.
    """

    spent: float
    epsilon: float
    delta: float
    updates: int
    left: int

    def __str__(self):
        more = (
            f"{self.left} more can follow"
            if self.left
            else "no further update is sent, only sums of masks"
        )
        return (
            f"privacy budget spent: epsilon {_rounded_up(self.spent):g} of {self.epsilon:g} at "
            f"delta {self.delta:g}, by {self.updates} updates; {more}"
        )


def _rounded_up(epsilon: float) -> float:
    """To hundredths; what is told must not be less than what is spent."""
    return math.ceil(epsilon * 100 - 1e-6) / 100


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
    | UpdateClipped
    | PrivacyBudget
    | Unavailable
    | Warning
)
