"""The options of `petal participate` for local differential privacy."""

from pathlib import Path

import click

from petal.errors import PrivacyError
from petal.privacy import LocalPrivacy
from petal.privacy.settings import DEFAULT_DELTA

_POSITIVE = click.FloatRange(0, min_open=True)
_OPTIONS = (
    click.option(
        "--dp-epsilon",
        type=_POSITIVE,
        help="Turns local differential privacy on: every update is clipped and gets noise, and "
        "all of them together stay within this epsilon. 1 is strong, 8 weak.",
    ),
    click.option(
        "--dp-clip",
        type=_POSITIVE,
        help="L2 norm that longer updates are cut to: about what norm(weights - model) usually "
        "is after training. Noise grows with it.",
    ),
    click.option(
        "--dp-updates",
        type=click.IntRange(1),
        help="How many updates the budget is to last for; more of them mean more noise in each. "
        "After that the participant sends none and only sums masks.",
    ),
    click.option(
        "--dp-noise",
        type=_POSITIVE,
        help="Instead of --dp-updates: the noise's standard deviation, in units of --dp-clip.",
    ),
    click.option(
        "--dp-delta",
        type=_POSITIVE,
        default=DEFAULT_DELTA,
        show_default=True,
        help="Chance that the promise does not hold.",
    ),
)


def with_privacy(command):
    """The command with these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def privacy_of(
    state_file: Path | None,
    *,
    dp_epsilon: float | None,
    dp_clip: float | None,
    dp_updates: int | None,
    dp_noise: float | None,
    dp_delta: float,
) -> LocalPrivacy | None:
    """What the options ask for, None where there are none; UsageError where they do not fit."""
    others = {"--dp-clip": dp_clip, "--dp-updates": dp_updates, "--dp-noise": dp_noise}
    if dp_epsilon is None:
        if given := [name for name, value in others.items() if value is not None]:
            raise click.UsageError(
                f"{given[0]} does nothing without --dp-epsilon, which turns differential privacy on"
            )
        return None
    if state_file is None:
        raise click.UsageError(
            "--dp-epsilon needs --state FILE: a restart must not forget what is spent"
        )
    if dp_clip is None:
        raise click.UsageError(
            "--dp-epsilon needs --dp-clip, the L2 norm that longer updates are cut to"
        )
    if (dp_updates is None) == (dp_noise is None):
        raise click.UsageError("--dp-epsilon needs either --dp-updates or --dp-noise")
    budget = {"clip": dp_clip, "epsilon": dp_epsilon, "delta": dp_delta}
    try:
        if dp_noise is not None:
            return LocalPrivacy(noise_multiplier=dp_noise, **budget)
        return LocalPrivacy.for_updates(dp_updates, **budget)
    except PrivacyError as error:
        raise click.UsageError(str(error)) from error
