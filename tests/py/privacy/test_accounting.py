"""What is charged: against dp-accounting, against the mechanism's own exact delta, and settings."""

import math

import dp_accounting
import pytest
from dp_accounting import pld, rdp
from hypothesis import given, settings
from hypothesis import strategies as st

from petal.errors import PrivacyError
from petal.privacy import Account, LocalPrivacy, epsilon_of, rho_within

# So dense that the best one is as good as between them.
ORDERS = [1 + 10 ** (i / 400) for i in range(-1600, 2800)]
GRID = [(rho, delta) for rho in (1e-4, 0.02, 1.0, 37.5) for delta in (1e-3, 1e-6, 1e-12)]


def event(noise_multiplier, count=1):
    """Updates of norm 1 at the most, hence up to 2 apart: half the multiplier to sensitivity 1."""
    return dp_accounting.SelfComposedDpEvent(
        dp_accounting.GaussianDpEvent(noise_multiplier / 2), count
    )


@pytest.mark.parametrize(("rho", "delta"), GRID)
def test_epsilon_is_what_dp_accounting_finds(rho, delta):
    theirs = rdp.RdpAccountant(orders=ORDERS).compose(dp_accounting.ZCDpEvent(rho))
    assert epsilon_of(rho, delta) == pytest.approx(theirs.get_epsilon(delta), rel=1e-5)


@pytest.mark.parametrize(("noise", "count"), [(0.8, 1), (3.0, 1), (3.0, 12), (20.0, 200)])
def test_rounds_add_up_as_dp_accounting_adds_them_up(noise, count):
    account = Account(LocalPrivacy(1, noise, 1e5))
    for _ in range(count):
        account = account.charged()
    theirs = rdp.RdpAccountant(orders=ORDERS).compose(event(noise, count))
    assert account.spent == pytest.approx(theirs.get_epsilon(1e-6), rel=1e-5)
    exact = pld.PLDAccountant().compose(event(noise, count)).get_epsilon(1e-6)
    assert exact < account.spent < 1.12 * exact + 0.02


def exact_delta(sigma, distance, epsilon):
    """The discrete Gaussian's own delta at shifts of `distance` (Canonne and others, theorem 7)."""
    span = range(-40 * sigma, 40 * sigma + 1)
    weights = {n: math.exp(-n * n / (2 * sigma**2)) for n in span}
    total = math.fsum(weights.values())

    def above(limit):
        return math.fsum(w for n, w in weights.items() if n > limit) / total

    middle = epsilon * sigma**2 / distance
    return above(middle - distance / 2) - math.exp(epsilon) * above(middle + distance / 2)


@pytest.mark.parametrize("noise", [0.7, 1.4, 5.0, 40.0])
def test_the_mechanism_itself_loses_no_more_than_is_charged(noise):
    sigma = 256
    asked = LocalPrivacy(clip=1, noise_multiplier=noise, epsilon=1000)
    distance = math.ceil(2 * sigma / noise)
    spent = Account(asked).charged().spent
    assert exact_delta(sigma, distance, spent * (1 + 1e-9)) <= asked.delta
    # A tenth less would be a lie.
    assert exact_delta(sigma, distance, 0.85 * spent) > asked.delta


@settings(deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1e-12, 1e-2))
def test_the_largest_cost_within_a_budget_is_found(epsilon, delta):
    rho = rho_within(epsilon, delta)
    assert epsilon_of(rho, delta) <= epsilon < epsilon_of(rho * (1 + 1e-9), delta) * (1 + 1e-9)


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0.01, 100), st.floats(1e-10, 1e-3))
def test_a_budget_for_so_many_updates_lasts_for_just_those(updates, epsilon, delta):
    account = Account(LocalPrivacy.for_updates(updates, clip=1, epsilon=epsilon, delta=delta))
    assert account.left == updates
    for sent in range(updates):
        assert account.left == updates - sent
        account = account.charged()
        assert account.spent <= epsilon
    with pytest.raises(PrivacyError, match="does not pay for another update"):
        account.charged()


numbers = st.floats() | st.floats(1e-12, 1e3) | st.integers()


@settings(deadline=None, max_examples=300)
@given(numbers, numbers, numbers, st.floats(0, 0.02))
def test_any_numbers_are_settings_or_refused(clip, third, epsilon, delta):
    for make in (
        lambda: LocalPrivacy(clip, third, epsilon, delta),
        lambda: LocalPrivacy.for_updates(third, clip=clip, epsilon=epsilon, delta=delta),
    ):
        try:
            account = Account(make())
        except PrivacyError:
            continue
        assert 0 <= account.charged().spent <= epsilon


def test_nothing_sent_is_nothing_spent():
    account = Account(LocalPrivacy(clip=1, noise_multiplier=2, epsilon=20))
    assert (account.spent, account.updates) == (0, 0)
    assert epsilon_of(1.0, 1e-6) == pytest.approx(7.7662166)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"clip": 0}, r"clip is 0; as the largest L2 norm .* above 1e-30 and below 1e\+30"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"clip": math.inf}, "clip is inf"),
        ({"clip": math.nan}, "clip is nan"),
        ({"clip": "1"}, "clip is '1'"),
        ({"clip": True}, "clip is True"),
        ({"noise_multiplier": 0}, "noise multiplier is 0; .* at least 0.01"),
        ({"noise_multiplier": 1e7}, "below 1e\\+06"),
        ({"epsilon": 0}, "epsilon is 0; as the budget of all rounds together"),
        ({"epsilon": math.inf}, "epsilon is inf"),
        ({"delta": 0}, "delta is 0; as the chance that the promise does not hold"),
        ({"delta": 0.5}, "above 0 and at most 0.01"),
        ({"epsilon": 1}, "does not pay for one update: with noise multiplier 1 each costs 11.7"),
    ],
)
def test_settings_without_sense_are_refused(change, says):
    fitting = {"clip": 1.0, "noise_multiplier": 1.0, "epsilon": 20, "delta": 1e-6}
    LocalPrivacy(**fitting)
    with pytest.raises(PrivacyError, match=says):
        LocalPrivacy(**fitting | change)


@pytest.mark.parametrize("updates", [0, -3, 1.5, True, 10**400])
def test_a_number_of_updates_that_is_none_is_refused(updates):
    with pytest.raises(PrivacyError, match="number of updates is"):
        LocalPrivacy.for_updates(updates, clip=1, epsilon=1)
