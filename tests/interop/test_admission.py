"""Rounds for the enrolled only: native participants with tokens, and the official client without.

That the official client is served as ever where nobody asks for tokens is what every other test of
it shows.
"""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from petal.client import participate
from petal.client.authority import Authority

from .coordinator import SECONDS, coordinator

OFFICIAL = Path(__file__).with_name("official_participants.py")


def petal(*arguments):
    program = "from petal_server.cli import main; main()"
    return [sys.executable, "-c", program, *map(str, arguments)]


@pytest.mark.official
def test_rounds_of_the_enrolled_while_official_participants_are_turned_away(tmp_path):
    key = tmp_path / "authority.pem"
    public = Authority.new(key).public_key.hex()
    admission = f'[admission]\npublic_keys = ["{public}"]\n'
    with coordinator(tmp_path, "Prime/F32/B0/M3", 4, time=0.5, more=admission) as running:
        url = running.url
        strangers = subprocess.Popen(
            [sys.executable, OFFICIAL, url, "-n", "4", "--length", "4"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        try:
            done = subprocess.run(
                petal("test-drive", "-u", url, "-n", 8, "--rounds", 2, "--enrol-key", key),
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            metrics = httpx.get(f"{url}/metrics").text
        finally:
            strangers.stdin.close()
            strangers.wait(SECONDS)
    assert "done: 2 rounds" in done.stdout, done.stdout + done.stderr
    assert 'reason="not_enrolled"' in metrics
    accepted = running.events("message accepted")
    refused = {line["participant"] for line in running.log if line.get("reason") == "not_enrolled"}
    assert accepted
    assert 1 <= len(refused) <= 4
    assert not refused & {line["participant"] for line in accepted}
    for line in running.events("global model"):
        assert line["updates"] <= 8


def test_without_tokens_nobody_of_ours_trains(tmp_path):
    key = tmp_path / "authority.pem"
    public = Authority.new(key).public_key.hex()
    admission = f'[admission]\npublic_keys = ["{public}"]\n'
    training = tmp_path / "training.py"
    training.write_text("def train(model, round):\n    raise SystemExit('it trained')\n")
    state, token = tmp_path / "me.petal", tmp_path / "token.txt"
    authority, asked = Authority.load(key), []

    async def enrolment(public_key):
        asked.append(public_key)
        return authority.token(public_key, 60)

    with coordinator(tmp_path, "Prime/F32/B0/M3", 4, time=0.5, more=admission) as running:
        participate(running.url, lambda _model, _params: None, rounds=1, enrolment=enrolment)
        join = ["participate", "-u", running.url, "--train", training]
        without = said(*join)
        kept = said(*join, "--state", state)
        mine = said("enrol", "public-key", state)
        token.write_text(said("enrol", "token", "--key", key, mine.stdout.strip()).stdout)
        others = said(*join, "--enrolment", f"@{token}")
        crowd = said("test-drive", "-u", running.url, "-n", 3)
        training.write_text("def train(model, round):\n    return None\n")
        admitted = said(*join, "--state", state, "--enrolment", f"@{token}", "--rounds", 1)
    assert len(asked) == 1
    for refused in (without, kept, crowd):
        assert refused.returncode == 1
        assert "admits only participants that bring an enrolment token" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert "without --state FILE this key is gone" in without.stderr
    assert f"start again with --state {state} --enrolment TOKEN" in kept.stderr
    assert mine.stdout.strip() in kept.stderr
    assert "enrols all of them: --enrol-key FILE" in crowd.stderr
    assert "was issued for another public key" in others.stderr
    assert admitted.returncode == 0, admitted.stderr


def said(*arguments):
    return subprocess.run(petal(*arguments), capture_output=True, text=True, timeout=SECONDS)
