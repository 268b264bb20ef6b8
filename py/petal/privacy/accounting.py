"""What noise costs, in zero-concentrated differential privacy (zCDP), which adds up over rounds.

Bun and Steinke, "Concentrated Differential Privacy" (2016): a Gaussian mechanism of sensitivity
D and standard deviation s costs rho = D^2 / (2 s^2), discrete as well as continuous; mechanisms
one after the other, each chosen in view of the last, cost the sum of their rho.
"""

import math
from functools import cache

_STEPS = 64
_GOLDEN = (math.sqrt(5) - 1) / 2


def epsilon_of(rho: float, delta: float) -> float:
    """The least epsilon known such that rho-zCDP is (epsilon, delta)-differential privacy.

    By Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020),
    proposition 12, at the best Renyi order: tighter than rho + 2 sqrt(rho log(1/delta)). Every
    order gives a valid bound, so an order that is not quite the best errs on the safe side.
    """
    if rho == 0:
        return 0.0
    near = math.log(-math.log(delta) / rho) / 2
    return max(0.0, _least(lambda log: _at_order(math.exp(log), rho, delta), near - 8, near + 8))


def _at_order(above: float, rho: float, delta: float) -> float:
    """The bound by the Renyi order 1 + above."""
    order = 1 + above
    shrunk = math.log(above / order)
    return order * rho + shrunk - (math.log(delta) + math.log(order)) / above


def _least(function, low: float, high: float) -> float:
    """The minimum of a function that falls and then rises, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return min(at_left, at_right)


@cache
def rho_within(epsilon: float, delta: float) -> float:
    """The largest rho, rounded down, whose epsilon at `delta` is at most `epsilon`."""
    low, high = 0.0, 1.0
    while epsilon_of(high, delta) <= epsilon:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if epsilon_of(middle, delta) <= epsilon:
            low = middle
        else:
            high = middle
    return low
