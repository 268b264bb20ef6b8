"""docs/operating.md says what the code does, and deploy/config.toml is a file that loads."""

import re
import tomllib
from pathlib import Path

from petal_server.config_file import load
from petal_server.limits import Refusal
from petal_server.outcome import Outcome, Reason
from petal_server.phases import FailureName
from petal_server.settings import XAYNET_ONLY

from .settings_table import DOCUMENT, parts, table

EXAMPLE = Path(__file__).parents[2] / "deploy" / "config.toml"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def reasons_under(heading):
    section = TEXT.split(f"### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_the_table_of_settings_is_the_model():
    written = parts()[1]
    assert written == table(), "write it anew: python -m tests.server.settings_table"


def test_every_reason_is_explained_in_the_order_of_the_checks():
    assert reasons_under("Why a message was not accepted") == [reason.value for reason in Reason]


def test_every_failure_is_explained():
    assert reasons_under("Why a round failed") == [name.value for name in FailureName]


def test_every_refusal_of_a_stranger_is_explained():
    section = TEXT.split("## Strangers\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert explained == [reason.value for reason in Refusal]


def test_every_outcome_and_idle_section_is_named():
    for name in (*Outcome, *XAYNET_ONLY):
        assert f"`{name}`" in TEXT


def test_the_example_configuration_loads_and_sets_what_it_says():
    given, settings = tomllib.loads(EXAMPLE.read_text(encoding="utf-8")), load(EXAMPLE)
    assert settings.model_dump(include=set(given), exclude_unset=True) == given
