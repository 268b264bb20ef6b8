"""Reads a visitor's CSV in the worker: delimiter, header and types found, errors by row and column.

Rows are numbered as a spreadsheet numbers them. Every function raises ValueError with a sentence
for the person in front of the page. Standard library and numpy only.
"""

import csv
import io
import re
from dataclasses import dataclass

import numpy as np

MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 20_000_000, 100_000, 2_000
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LABEL_NAMES = ("label", "class", "target", "diagnosis", "digit", "y")
SAMPLE = 20  # rows that tell the delimiter


@dataclass(frozen=True)
class Table:
    """`rows` are lists of as many cells as `header` has names; `lines` are their row numbers."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str
    named: bool

    def column(self, name: str) -> list[str]:
        at = self.header.index(name)
        return [row[at] for row in self.rows]


def read(data: bytes) -> Table:
    """The table in a CSV file's bytes."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"The file is larger than {MAX_BYTES // 10**6} MB: take a part of it.")
    text = _text(data)
    delimiter = _delimiter(text)
    rows, lines = _rows(text, delimiter)
    first = rows[0]
    named = not any(_number(cell, delimiter) is not None for cell in first)
    header = [cell.strip() for cell in first] if named else _numbered(len(first))
    if named:
        rows, lines = rows[1:], lines[1:]
    _check(header, rows, lines)
    return Table(header, rows, lines, delimiter, named)


def _text(data: bytes) -> str:
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("The file is no text in UTF-8: save it as CSV UTF-8.") from None


def _delimiter(text: str) -> str:
    """The character that cuts the first rows into the most columns of one number."""

    def columns(delimiter: str) -> int:
        sample = "\n".join(text.splitlines()[:SAMPLE])
        widths = {len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row}
        return widths.pop() if len(widths) == 1 else 0

    best = max(DELIMITERS, key=columns)
    return best if columns(best) > 1 else max(DELIMITERS, key=text.partition("\n")[0].count)


def _rows(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if any(map(str.strip, row)):
                rows.append(row)
                lines.append(reader.line_num)
            if len(rows) > MAX_ROWS + 1:
                raise ValueError(f"The file has more than {MAX_ROWS:,} rows: take a part of it.")
    except csv.Error as error:
        raise ValueError(f"Row {reader.line_num} cannot be read: {error}.") from None
    if not rows:
        raise ValueError("The file is empty.")
    return rows, lines


def _check(header: list[str], rows: list[list[str]], lines: list[int]) -> None:
    if not 2 <= len(header) <= MAX_COLUMNS:
        raise ValueError(
            f"A table needs 2 to {MAX_COLUMNS:,} columns, separated by comma, semicolon, tab or "
            f"bar; this file has {len(header)}."
        )
    if not rows:
        raise ValueError("The file has a header and no row below it.")
    for i, name in enumerate(header):
        if not name or name in header[:i]:
            raise ValueError(f"Column {i + 1} needs a name of its own in the header, not “{name}”.")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise ValueError(f"Row {line} has {len(row)} cells, the first row {len(header)}.")


def _numbered(width: int) -> list[str]:
    return [f"column {i}" for i in range(1, width + 1)]


def _number(cell: str, delimiter: str) -> float | None:
    """The cell as a finite number, None if it is none; a decimal comma where none separates."""
    text = cell.strip()
    if delimiter != "," and re.fullmatch(r"[-+]?\d+,\d+", text):
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def types(table: Table) -> dict[str, str]:
    """`number`, `text` or `number, with gaps` by column name."""
    return {name: _type(table, name) for name in table.header}


def _type(table: Table, name: str) -> str:
    filled = [cell for cell in table.column(name) if cell.strip()]
    if any(_number(cell, table.delimiter) is None for cell in filled):
        return "text"
    return "number" if len(filled) == len(table.rows) else "number, with gaps"


def guess_label(table: Table, classes: list[str]) -> str:
    """The column that holds nothing but classes, by name if there are several; else the last."""
    fitting = [
        name
        for name in table.header
        if None not in {_class(c, classes) for c in table.column(name)}
    ]
    named = [name for name in fitting or table.header if name.lower() in LABEL_NAMES]
    return (named or fitting[::-1] or table.header[-1:])[0]


def _class(cell: str, classes: list[str]) -> int | None:
    """A class by its name, by an unmistakable beginning of it, or by its number from 0."""
    text = cell.strip().lower()
    if not text:
        return None
    names = [name.lower() for name in classes]
    begun = [i for i, name in enumerate(names) if name.startswith(text)]
    if text in names:
        return names.index(text)
    if len(begun) == 1:
        return begun[0]
    value = _number(text, ";")
    whole = value is not None and value.is_integer() and 0 <= value < len(classes)
    return int(value) if whole else None


def examples(
    table: Table, label: str, columns: list[str] | int, classes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Features, float32 [n, columns] in the task's order, and labels, int64 [n]."""
    if label not in table.header:
        raise ValueError(f"There is no column “{label}”.")
    chosen = _features(table, label, columns)
    places, at = [table.header.index(name) for name in chosen], table.header.index(label)
    wrong: list[str] = []
    features = np.zeros((len(table.rows), len(chosen)), np.float32)
    labels = np.zeros(len(table.rows), np.int64)
    for i, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        found = _class(row[at], classes)
        if found is None:
            wrong.append(_complaint(line, label, row[at], f"is none of {', '.join(classes)}"))
        labels[i] = found or 0
        for j, place in enumerate(places):
            value = _number(row[place], table.delimiter)
            if value is None:
                wrong.append(_complaint(line, chosen[j], row[place], "is no number"))
            features[i, j] = value or 0
    if wrong:
        more = f" {len(wrong) - 1} more cells are wrong." if len(wrong) > 1 else ""
        raise ValueError(wrong[0] + more)
    return features, labels


def _complaint(line: int, column: str, cell: str, what: str) -> str:
    shown = f"“{cell.strip()[:40]}” {what}" if cell.strip() else "the cell is empty"
    return f"Row {line}, column “{column}”: {shown}."


def _features(table: Table, label: str, columns: list[str] | int) -> list[str]:
    """The table's names of the task's columns: by name, else in order where the number fits."""
    others = [name for name in table.header if name != label]
    if isinstance(columns, int):
        numbers = [name for name in others if _type(table, name) != "text"]
        if len(numbers) != columns:
            raise ValueError(
                f"This task needs {columns} columns of numbers beside the label; the file has "
                f"{len(numbers)}."
            )
        return numbers
    if not table.named and len(others) == len(columns):
        return others
    known = {_words(name): name for name in others}
    missing = [name for name in columns if _words(name) not in known]
    if missing:
        shown = ", ".join(f"“{name}”" for name in missing[:3])
        raise ValueError(
            f"The file lacks {len(missing)} of the {len(columns)} columns that this task needs: "
            f"{shown}{' and others' if len(missing) > 3 else ''}."
        )
    return [known[_words(name)] for name in columns]


def _words(name: str) -> tuple[str, ...]:
    """`radius_mean` and `Mean Radius` are one name; some files say `se` for an error."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return tuple(sorted("error" if word == "se" else word for word in words))
