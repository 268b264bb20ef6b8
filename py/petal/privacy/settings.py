"""What a participant sets for its privacy, and the account of what it has spent."""

import math
import sys
from dataclasses import dataclass, replace

from petal.errors import PrivacyError
from petal.privacy.accounting import epsilon_of, rho_within

LEAST_CLIP, MOST_CLIP = 1e-30, 1e30
LEAST_NOISE = 0.01
MOST_NOISE = 1e6
MOST_UPDATES = 1_000_000
DEFAULT_DELTA, MOST_DELTA = 1e-6, 0.01


@dataclass(frozen=True, slots=True)
class LocalPrivacy:
    """Local differential privacy for the updates of one participant.

    Each update is cut to the L2 norm `clip`, and every weight of it gets Gaussian noise of
    standard deviation `noise_multiplier * clip`. Whatever two data sets the participant might
    hold, nobody who sees all its updates can tell which it is, but for `epsilon` and `delta`:
    that is the budget of all rounds together. PrivacyError for values that make no sense.

    `clip` is in the unit of the weights; `delta` is the chance that the promise does not hold, to
    be far below one in the number of participants.
    """

    clip: float
    noise_multiplier: float
    epsilon: float
    delta: float = DEFAULT_DELTA

    def __post_init__(self) -> None:
        _within("clip", self.clip, LEAST_CLIP, MOST_CLIP, "the largest L2 norm of an update")
        _check_budget(self.epsilon, self.delta)
        noise, say = self.noise_multiplier, "the noise's standard deviation in units of clip"
        _within("the noise multiplier", noise, LEAST_NOISE, MOST_NOISE, say, least_too=True)
        if self.updates < 1:
            needed = epsilon_of(self.rho, self.delta)
            raise PrivacyError(
                f"a budget of epsilon {self.epsilon:g} at delta {self.delta:g} does not pay for "
                f"one update: with noise multiplier {noise:g} each costs {needed:.3g}. Take more "
                "noise or a larger budget"
            )

    @classmethod
    def for_updates(
        cls, updates: int, *, clip: float, epsilon: float, delta: float = DEFAULT_DELTA
    ) -> "LocalPrivacy":
        """With just so much noise that the budget lasts for `updates` updates."""
        whole = isinstance(updates, int) and not isinstance(updates, bool)
        if not (whole and 1 <= updates <= MOST_UPDATES):
            raise PrivacyError(
                f"the number of updates is {updates!r}; it must be from 1 to {MOST_UPDATES}"
            )
        _check_budget(epsilon, delta)
        # A billionth more, so that adding the costs up cannot round beyond the budget.
        rho = max(rho_within(epsilon, delta), sys.float_info.min)
        noise = math.sqrt(2 * updates / rho) * (1 + 1e-9)
        return cls(clip, max(noise, LEAST_NOISE), epsilon, delta)

    @property
    def rho(self) -> float:
        """What one update costs in zCDP.

        Two updates of norm `clip` are at most twice that apart: (2 clip)^2 / (2 sigma^2).
        """
        return 2 / self.noise_multiplier**2

    @property
    def updates(self) -> int:
        """How many updates the whole budget pays for."""
        return Account(self).left


@dataclass(frozen=True, slots=True)
class Account:
    """What of the budget is spent: `rho` in zCDP, by `updates` updates."""

    settings: LocalPrivacy
    rho: float = 0.0
    updates: int = 0

    @property
    def spent(self) -> float:
        """The epsilon that all updates so far amount to, at the settings' delta."""
        return epsilon_of(self.rho, self.settings.delta)

    @property
    def left(self) -> int:
        """How many more updates the rest of the budget pays for."""
        settings = self.settings
        rest = rho_within(settings.epsilon, settings.delta) - self.rho
        return max(0, int(rest / settings.rho))

    def charged(self) -> "Account":
        """The account after one more update; PrivacyError if the budget does not pay for it."""
        if not self.left:
            raise PrivacyError("the privacy budget does not pay for another update")
        return replace(self, rho=self.rho + self.settings.rho, updates=self.updates + 1)


def _check_budget(epsilon: float, delta: float) -> None:
    _within("epsilon", epsilon, 0, MOST_NOISE, "the budget of all rounds together")
    say = "the chance that the promise does not hold"
    _within("delta", delta, 0, MOST_DELTA, say, most_too=True)


def _within(
    name: str,
    value: object,
    least: float,
    most: float,
    meaning: str,
    *,
    least_too: bool = False,
    most_too: bool = False,
) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and (least < value < most or (least_too and value == least)):
        return
    if number and most_too and value == most:
        return
    above = f"{'at least' if least_too else 'above'} {least:g}"
    below = f"{'at most' if most_too else 'below'} {most:g}"
    raise PrivacyError(f"{name} is {value!r}; as {meaning} it must be a number {above} and {below}")
