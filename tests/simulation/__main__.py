"""The long runner: `python -m tests.simulation --help`."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import click

from .runner import attempt
from .world import Report, digest_of

SHOWN = 5


class Seeds(click.ParamType):
    """`7`, `0:5000` (the end not included) or several of those with commas."""

    name = "seeds"

    def convert(self, value, param, ctx):
        try:
            parts = [[int(end) for end in part.split(":")] for part in value.split(",")]
            return [seed for part in parts for seed in range(part[0], self._end(part))]
        except ValueError:
            self.fail(f"{value!r} is no list of seeds such as 7, 0:5000 or 3,10:20", param, ctx)

    @staticmethod
    def _end(part):
        if len(part) > 2:
            raise ValueError(part)
        return part[1] if len(part) == 2 else part[0] + 1


@contextmanager
def results(seeds: list[int], jobs: int, trace: bool) -> Iterator[Iterator[Report | str]]:
    if jobs == 1:
        yield (attempt(seed, trace) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield pool.map(attempt, seeds, chunksize=8)


@click.command(context_settings={"show_default": True})
@click.option("--seeds", type=Seeds(), default="0:1000", help="Seeds: 7, 0:5000 or 3,10:20.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count(), help="Processes.")
@click.option("--trace", is_flag=True, help="Print every event; for one seed, with --jobs 1.")
@click.option("--details", is_flag=True, help="Count attacks and receipts too, not only rounds.")
def main(seeds, jobs, trace, details):
    """Run simulated rounds: participants, coordinator, faults and attackers, on virtual time.

    Every run is a function of its seed. What the protocol does not explain is printed with the
    command that shows it again, and the exit status is 1.
    """
    if trace and jobs > 1:
        raise click.UsageError("--trace needs --jobs 1, or the events of many worlds mix")
    begun, found, reports = time.perf_counter(), [], []
    with (
        results(seeds, jobs, trace) as outcomes,
        click.progressbar(
            outcomes,
            length=len(seeds),
            label="Seeds",
            file=sys.stderr,
            update_min_steps=10,
            item_show_func=lambda _: f"{len(found)} unexplained" if found else None,
        ) as bar,
    ):
        for outcome in bar:
            (found if isinstance(outcome, str) else reports).append(outcome)
    _summarise(reports, found, time.perf_counter() - begun, details)
    sys.exit(1 if found else 0)


def _summarise(reports, found, seconds, details):
    total = sum((report.stats for report in reports), Counter())
    for name, number in sorted(total.items()):
        if details or name.startswith("round "):
            click.echo(f"{number:9,} {name}")
    rounds = sum(report.rounds for report in reports)
    virtual = sum(report.seconds for report in reports) / 86400
    click.echo(
        f"{rounds:,} rounds of {len(reports) + len(found):,} seeds ({virtual:.1f} virtual days) "
        f"in {seconds:.1f} s, {60 * rounds / seconds:,.0f} a minute; digest {digest_of(reports)}"
    )
    for text in found[:SHOWN]:
        click.echo(f"\n{text}")
    more = f", the first {SHOWN} are shown" if len(found) > SHOWN else ""
    click.echo(f"{len(found)} unexplained outcomes{more}")


if __name__ == "__main__":
    main()
