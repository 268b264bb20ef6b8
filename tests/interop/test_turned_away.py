"""Xaynet's own client where it is turned away: 429, 503, and a certificate that it does not know.

None of it ends the client: it waits up to ten seconds and asks again, without a word except that
it did not get the global model.
"""

import re
import subprocess
import sys
import threading
import time

import httpx
import pytest

from ..server.certificates import issue, write_pem
from .coordinator import SECONDS, coordinator
from .test_official import PROGRAM, Events, serious

LENGTH = 1000
MASKING = "Prime/F32/B0/M3"

NO_MODEL = "failed to fetch global model"

pytestmark = pytest.mark.official


class Officials:
    """`count` official participants in a process of their own; a context manager."""

    def __init__(self, url, count):
        self.events = Events()
        self._command = [sys.executable, PROGRAM, url, "-n", str(count), "--length", str(LENGTH)]

    def __enter__(self):
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self.events.read, args=(self.process.stdout,))
        self._reader.start()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        self.process.stdout.close()

    def complaints(self):
        found = [event for event in self.events.all if event["event"] in ("error", "log")]
        return [event for event in found if NO_MODEL not in event["message"]]


def refused(log, reason):
    """How many were refused for this reason, as the coordinator measured it at its end."""
    return float(re.search(rf'petal_refusals_total{{reason="{reason}"}} (\S+)', log)[1])


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("requests_per_address = 15", "request_rate"),
        ("connections = 6", "connections"),
        ("connections_per_address = 6", "connections_per_address"),
    ],
)
def test_official_participants_come_again(limits, reason, tmp_path):
    """Eight share one address, and there is not room for all of them at once."""
    more = f"[limits]\n{limits}\n"
    with coordinator(tmp_path, MASKING, LENGTH, time=3.0, more=more) as running:
        with Officials(running.url, 8) as officials:
            deadline = time.monotonic() + 3 * SECONDS
            while not running.events("global model"):
                assert time.monotonic() < deadline, running.log[-20:]
                time.sleep(0.1)
        # From elsewhere, where the limits do not hold: all of them have left.
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2", retries=20)
        with httpx.Client(transport=elsewhere) as client:
            shown = client.get(f"{running.url}/metrics").text
    assert refused(shown, reason) > 0
    assert officials.code == 0
    assert not officials.complaints()
    assert not serious(running.log)


def test_a_certificate_of_ones_own_authority(tmp_path):
    """Xaynet's Python client knows the public authorities and can be told of no other."""
    authority = issue("authority")
    certificate, key = write_pem(tmp_path, "server", *issue("server", authority))
    config = f'tls_certificate = "{certificate}"\ntls_key = "{key}"'
    with (
        coordinator(tmp_path, MASKING, LENGTH, api=config) as running,
        Officials(running.url, 2) as officials,
    ):
        assert running.url.startswith("https://")
        time.sleep(3)
        assert officials.process.poll() is None
        told = [event["event"] for event in officials.events.all]
    assert set(told) <= {"ready", "role"}
    assert officials.code == 0
    assert not [line for line in running.log if line["level"] == "error"]
