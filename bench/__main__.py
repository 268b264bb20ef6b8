"""`python -m bench`."""

import json
import sys
import traceback
from pathlib import Path

import click

from . import (
    aggregation,
    arrival,
    coordinator,
    durable,
    idle,
    machine,
    masks,
    noise,
    report,
    tab,
    tab_mask,
    whole_round,
)
from .measure import Line
from .official import installed
from .scale import FULL, QUICK, TINY, Run, Scale

IN_A_BROWSER = {**tab_mask.ROWS, **tab.ROWS}
ROWS = {
    **masks.ROWS,
    **noise.ROWS,
    **aggregation.ROWS,
    **coordinator.ROWS,
    **arrival.ROWS,
    **durable.ROWS,
    **idle.ROWS,
    **whole_round.ROWS,
    **IN_A_BROWSER,
}


class Progress:
    """One line on stderr that says what is being measured, gone when it is done."""

    def __init__(self) -> None:
        self.row = ""
        self._live = sys.stderr.isatty()

    def begin(self, row: str, number: int, total: int) -> None:
        self.row = f"[{number}/{total}] {row}"
        if not self._live:
            click.echo(self.row, err=True)

    def tell(self, text: str) -> None:
        if self._live:
            click.echo(f"\r\033[K{f'{self.row}: {text}'[:110]}", nl=False, err=True)

    def clear(self) -> None:
        if self._live:
            click.echo("\r\033[K", nl=False, err=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--rows", metavar="ROW,ROW", help="Only these rows; all are listed above.")
@click.option("--quick", is_flag=True, help="Smaller sizes, fewer repeats: a minute, rougher.")
@click.option("--tiny", is_flag=True, help="Only see that all rows run: no real numbers.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bench.json"),
    show_default=True,
    help="Where everything is written to, each sample included.",
)
@click.option(
    "--document",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Put the table and the machine between the marks in this file, docs/performance.md.",
)
def main(rows: str | None, quick: bool, tiny: bool, json_file: Path, document: Path | None) -> None:
    """Measure Petal beside the official Xaynet client and beside the machine's own limits.

    Every ratio is taken within one run: the candidates work in turns, so that whatever else the
    machine does hits them alike. The seconds are the best of several, or the median where many
    parts work together. Close what else is running; the load is printed with the results.

    \b
    Rows:
    {rows}

    \b
    Examples:
      python -m bench                     everything, some minutes
      python -m bench --quick             rougher, a minute
      python -m bench --rows mask,sum2    two of the rows
      python -m bench --document docs/performance.md    renew the table there
    """
    chosen = _chosen(rows)
    scale = TINY if tiny else QUICK if quick else FULL
    about = {**machine.about(), "scale": scale.name}
    click.echo("  ".join(f"{key} {value}" for key, value in about.items()), err=True)
    if not installed():
        click.echo(
            "The official client is not installed, so nothing is held against it. It has wheels "
            "for x86-64 Linux and macOS: pip install xaynet-sdk-python==0.1.0",
            err=True,
        )
    lines, failed = _measure(chosen, scale)
    about["load after"] = machine.load()
    json_file.write_text(json.dumps(report.as_json(lines, about), indent=1) + "\n")
    if document:
        document.write_text(report.into(document.read_text(), lines, about))
    click.echo(report.table(lines))
    click.echo(f"Load before {about['load before']}, after {about['load after']}.", err=True)
    click.echo(f"All samples are in {json_file}.", err=True)
    if failed:
        raise click.ClickException(f"not measured: {', '.join(failed)}; the reasons stand above")


def _chosen(rows: str | None) -> list[str]:
    chosen = rows.replace(" ", "").split(",") if rows else list(ROWS)
    for row in chosen:
        if row not in ROWS:
            raise click.BadParameter(f"{row!r} is none of {', '.join(ROWS)}", param_hint="--rows")
    if not IN_A_BROWSER.keys().isdisjoint(chosen):
        try:
            tab.find_chromium()
        except tab.NoChromium as error:
            raise click.ClickException(str(error)) from None
    return chosen


def _measure(chosen: list[str], scale: Scale) -> tuple[list[Line], list[str]]:
    """The lines of the table, and the rows that failed: the others are not lost for them."""
    progress, lines, failed = Progress(), [], []
    for number, row in enumerate(chosen, 1):
        progress.begin(row, number, len(chosen))
        try:
            lines += ROWS[row](Run(scale, progress.tell))
        except Exception:  # noqa: BLE001, shown, and the exit status tells
            progress.clear()
            traceback.print_exc()
            failed.append(row)
        except KeyboardInterrupt:
            failed += chosen[number - 1 :]
            break
    progress.clear()
    return lines, failed


_LISTED = "\n    ".join(f"{name:10} {row.__doc__.splitlines()[0]}" for name, row in ROWS.items())
main.help = main.help.replace("{rows}", _LISTED)

if __name__ == "__main__":
    main(prog_name="python -m bench")
