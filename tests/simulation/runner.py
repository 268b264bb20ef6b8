"""Runs seeds and keeps what each found, in whatever process."""

import traceback

from .world import Report, simulate

COMMAND = "python -m tests.simulation --jobs 1 --trace --seeds {}"


def attempt(seed: int, trace: bool = False) -> Report | str:
    """A seed's report, or what it found, with the command that shows it again."""
    try:
        return simulate(seed, trace)
    except Exception:  # noqa: BLE001 - every exception is a finding
        return f"seed {seed}:\n{traceback.format_exc()}Again: {COMMAND.format(seed)}"
