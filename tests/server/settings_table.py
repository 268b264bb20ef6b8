"""The table of settings in docs/operating.md, made from the settings model.

Run ``python -m tests.server.settings_table`` to write it anew; a test holds the two equal.
"""

from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

from petal_server.settings import XAYNET_ONLY, Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "operating.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"
LIMITS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def table():
    rows = [f"| {' | '.join(row)} |\n" for row in _rows(Settings(), ())]
    return "| key | default | allowed | meaning |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _rows(section, path):
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _rows(value, key)
        elif name not in XAYNET_ONLY:
            yield f"`{'.'.join(key)}`", _default(value), _allowed(field), field.description


def _default(value):
    if value is None or value == ():
        return "none"
    text = str(value).lower() if isinstance(value, bool) else f"{value}"
    return f'`"{text}"`' if isinstance(value, str) else f"`{text.removesuffix('.0')}`"


def _allowed(field):
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    limits = [
        f"{sign} {getattr(rule, attribute)}"
        for rule in field.metadata
        for attribute, sign in LIMITS.items()
        if hasattr(rule, attribute)
    ]
    return ", ".join(limits) or "see meaning"


def parts():
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    written, after = rest.split(END)
    return before, written, after


if __name__ == "__main__":
    before, _, after = parts()
    DOCUMENT.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
