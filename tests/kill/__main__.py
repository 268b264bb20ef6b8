"""`python -m tests.kill`."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from .evidence import Lost
from .runner import run


@click.command()
@click.option("--kills", default=500, show_default=True, help="How often to kill.")
@click.option(
    "--seed", default=1, show_default=True, help="Draws the moments; timing still varies."
)
@click.option("--keep", is_flag=True, help="Keep the folder, for a look at it afterwards.")
def main(kills: int, seed: int, keep: bool) -> None:
    """Kill a real coordinator under load, and check that nothing that was answered is lost."""
    folder, began = Path(tempfile.mkdtemp(prefix="petal-kill-")), time.monotonic()
    try:
        counts = run(folder, kills, seed, lambda text: click.echo(text, err=True))
    except (Lost, AssertionError) as error:
        click.echo(f"LOST: {error}\nThe folder is kept: {folder}", err=True)
        sys.exit(1)
    for name, count in sorted(counts.items()):
        click.echo(f"{count:8} {name}")
    click.echo(f"Nothing lost, nothing twice. {time.monotonic() - began:.0f} s.")
    if not keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(prog_name="python -m tests.kill")
