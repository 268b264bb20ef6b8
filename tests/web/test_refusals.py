"""What a visitor is told of a message that was not taken."""

import json
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from petal_server.outcome import Reason

WEB = Path(__file__).parents[2] / "web"
LATE = (
    "The coordinator did not take this tab's message: it came too late. The next round is another "
    "chance."
)


def said(function: str, *arguments) -> list[str]:
    """`function` of refusals.js for each of the arguments."""
    node, _ = compute_driver_executable()
    script = (
        f"import {{ {function} }} from {json.dumps((WEB / 'refusals.js').as_uri())};"
        f"console.log(JSON.stringify({json.dumps(arguments)}.map((each) => {function}(each))))"
    )
    done = subprocess.run(
        [node, "--input-type=module", "--eval", script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_every_reason_is_told_in_a_sentence():
    messages = [{"outcome": "rejected", "reason": reason} for reason in Reason]
    told = dict(zip(Reason, said("refusal", *messages), strict=True))
    assert told[Reason.PHASE_OVER] == told[Reason.WRONG_PHASE] == LATE
    assert "is not, or not any more" in told[Reason.NOT_ENROLLED]
    assert "“payload”" in told[Reason.PAYLOAD]
    assert all(text.endswith("chance.") for text in told.values())


def test_a_message_that_was_taken_needs_no_words():
    assert said("refusal", {"outcome": "accepted", "reason": None}, None) == ["", ""]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("training failed: no data", "Training failed: no data."),
        ("Trained. Yes.", "Trained. Yes."),
        ("http://a.example is away", "http://a.example is away."),
    ],
)
def test_a_warning_becomes_a_sentence(message, sentence):
    assert said("sentence", message) == [sentence]
