"""The results as a table for people, as Markdown for the documentation, as JSON for machines."""

from dataclasses import asdict
from typing import Any

import click

from .measure import Beside, Line, Reading, Target

_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"
_NUMBER, _RATIO = 11, 16


def table(lines: list[Line]) -> str:
    """Ours, and indented under it what stands beside it."""
    names = [line.ours.name for line in lines]
    names += [f"    {beside.reading.name}" for line in lines for beside in line.beside]
    width = max(map(len, names), default=0)
    rows = [click.style(f"{'':{width + _NUMBER}}{'ratio':>{_RATIO}}   target", bold=True)]
    for line in lines:
        ours = line.ours
        rows.append(f"{ours.name:{width}}" + _numbers(ours, "", line.target, ours.value))
        for beside in line.beside:
            name, numbers = beside.reading.name, (beside.reading, _ratio(beside))
            rows.append(f"    {name:{width - 4}}" + _numbers(*numbers, beside.target, beside.ratio))
    return "\n".join(rows)


def _numbers(reading: Reading, ratio: str, target: Target | None, value: float) -> str:
    shown = f"{quantity(reading):>{_NUMBER}}{ratio:>{_RATIO}}"
    if target is None:
        return shown.rstrip()
    met = target.met(value)
    verdict = click.style("met" if met else "missed", fg="green" if met else "red")
    return f"{shown}   {_wanted(target, reading, ratio)}, {verdict}"


def markdown(lines: list[Line]) -> str:
    """The same table for docs/performance.md."""
    rows = ["| | measured | ratio | target |", "| --- | ---: | ---: | ---: |"]
    for line in lines:
        ours = line.ours
        wanted = _wanted(line.target, ours, "") if line.target else ""
        rows.append(f"| **{ours.name}** | {quantity(ours)} | | {wanted} |")
        for beside in line.beside:
            wanted = _wanted(beside.target, beside.reading, "x") if beside.target else ""
            cells = beside.reading.name, quantity(beside.reading), _ratio(beside), wanted
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def into(text: str, lines: list[Line], about: dict[str, str]) -> str:
    """The document `text` with this table, and what it was measured on, between its marks."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise click.ClickException(f"the document has no marks {_BEGIN} and {_END}")
    facts = "\n".join(f"- {key}: {value}" for key, value in about.items())
    return f"{before}{begin}\n{facts}\n\n{markdown(lines)}\n{end}{after}"


def as_json(lines: list[Line], about: dict[str, Any]) -> dict[str, Any]:
    """Everything, each sample included; seconds, bytes and counts a second."""
    return {"about": about, "lines": [_line_json(line) for line in lines]}


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "row": line.row,
        **_reading_json(line.ours),
        **_target_json(line.target, line.ours.value),
        "beside": [
            {
                **_reading_json(beside.reading),
                "ratio": beside.ratio,
                "kind": "rival" if beside.rival else "limit",
                **_target_json(beside.target, beside.ratio),
            }
            for beside in line.beside
        ],
    }


def _reading_json(reading: Reading) -> dict[str, Any]:
    return {**asdict(reading), "value": reading.value}


def _target_json(target: Target | None, value: float) -> dict[str, Any]:
    return {"target": asdict(target), "met": target.met(value)} if target else {"target": None}


def quantity(reading: Reading) -> str:
    """A number of that unit with three digits."""
    return _quantity(reading.value, reading.unit)


def _quantity(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.3g} s" if value >= 0.9995 else f"{value * 1e3:.3g} ms"
    if unit == "B":
        return f"{value / 1e6:.3g} MB" if value >= 1e6 else f"{value / 1e3:.3g} kB"
    return f"{value:.3g} {unit}"


def _ratio(beside: Beside) -> str:
    return f"{beside.ratio:.3g} x" + (" faster" if beside.rival else "")


def _wanted(target: Target, reading: Reading, ratio: str) -> str:
    sign, number = ("≥", target.at_least) if target.at_most is None else ("≤", target.at_most)
    return f"{sign} {f'{number:g} x' if ratio else _quantity(number, reading.unit)}"
