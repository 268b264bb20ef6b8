"""The count and time rule alone: pure, on numbers."""

import pytest

from petal_server.phases.collect import CountTimeRule
from petal_server.phases.names import PhaseFailure
from petal_server.settings import CountSettings, TimeSettings

RULE = CountTimeRule(CountSettings(min=2, max=4), TimeSettings(min=10, max=60), started=100.0)


@pytest.mark.parametrize("accepted", [0, 2, 4, 5])
def test_until_time_min_the_phase_goes_on(accepted):
    assert RULE.deadline(100.0, accepted) == 110.0
    assert RULE.deadline(109.999, accepted) == 110.0


@pytest.mark.parametrize("accepted", [2, 3, 4])
def test_at_time_min_it_ends_if_enough_came(accepted):
    assert RULE.deadline(110.0, accepted) is None


def test_then_it_waits_for_count_min_until_time_max():
    assert RULE.deadline(110.0, 1) == 160.0
    assert RULE.deadline(159.9, 1) == 160.0
    assert RULE.deadline(159.9, 2) is None


def test_at_time_max_it_fails():
    with pytest.raises(PhaseFailure, match=r"timeout: 1 of 2 messages after 60 s"):
        RULE.deadline(160.0, 1)


def test_enough_messages_beat_the_time_out():
    assert RULE.deadline(999.0, 2) is None


def test_full_at_count_max():
    assert [RULE.full(n) for n in (0, 3, 4, 5)] == [False, False, True, True]


def test_without_a_minimum_time_it_ends_with_the_last_needed_message():
    rule = CountTimeRule(CountSettings(min=1, max=1), TimeSettings(min=0, max=5), started=0.0)
    assert rule.deadline(0.0, 0) == 5.0
    assert rule.deadline(0.0, 1) is None
