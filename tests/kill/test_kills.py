"""A real coordinator is killed under load, a few times; `python -m tests.kill` does it for long."""

from .runner import run

KILLS = 25


def test_nothing_that_was_answered_is_lost(tmp_path):
    told = []
    counts = run(tmp_path, KILLS, 1, told.append)
    assert counts["kills"] == KILLS
    assert counts["updates answered for"] > KILLS
    assert counts["models whose updates were seen"] > 2
    assert counts["answers compared"] > 2
    assert len(told) == KILLS // 10
