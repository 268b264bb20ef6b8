"""Twenty official participants and four tabs in one coordinator, five rounds, and no error.

    .venv/bin/python -m tests.interop.soak [--rounds 5] [--official 20] [--tabs 4]

Prints a line a round and ends with 0 if nobody complained: not the coordinator's log, not a
tab's console, not the official client. Takes about half a minute a round's worth of start-up
and five seconds a round.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from e2e.conftest import ARGUMENTS, CONFIG, find_chromium
from e2e.processes import Coordinator
from playwright.sync_api import sync_playwright

OFFICIAL = Path(__file__).with_name("official_participants.py")
LENGTH = "2410"  # the demo's digits model


class Official:
    """The official client in four processes, and what it says."""

    def __init__(self, url, count):
        command = [sys.executable, OFFICIAL, url, "-n", str(count), "--processes", "4"]
        self.events, self.process = [], subprocess.Popen(
            [*command, "--length", LENGTH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        self.events += map(json.loads, self.process.stdout)

    def stop(self):
        """What it complained of."""
        self.process.stdin.close()
        code = self.process.wait(60)
        self.reader.join()
        faults = [event for event in self.events if event["event"] in ("error", "log")]
        return faults + ([f"official client: exit code {code}"] if code else [])


class Tabs:
    """Demo pages that have joined; everything on their consoles is kept."""

    def __init__(self, playwright, url, count):
        self.complaints = []
        self.browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        self.pages = [self._join(f"{url}/?party={party}") for party in range(count)]

    def _join(self, url):
        page = self.browser.new_context().new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("console", self._listen)
        page.goto(url)
        page.evaluate(
            "() => { window.models = 0;"
            " petal.participant.addEventListener('model', ({ detail }) =>"
            " { if (detail.weights) window.models += 1; }); }"
        )
        page.click("#join")
        return page

    def _listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def fewest_models(self):
        return min((page.evaluate("models") for page in self.pages), default=0)


def run(options, folder):
    coordinator = Coordinator(folder, CONFIG.format(sum_prob=0.3))
    official = Official(coordinator.url, options.official)
    complaints = []
    try:
        with sync_playwright() as playwright:
            tabs = Tabs(playwright, coordinator.url, options.tabs)
            watch(coordinator, tabs, options)
            complaints += tabs.complaints
            tabs.browser.close()
    finally:
        complaints += official.stop()
        coordinator.program.stop()
    return complaints + coordinator.complaints() + failed_rounds(coordinator)


def watch(coordinator, tabs, options):
    """Until every tab has had the global models of that many rounds."""
    seen, end = None, time.monotonic() + 120 + 30 * options.rounds
    while tabs.fewest_models() < options.rounds:
        assert time.monotonic() < end, coordinator.program.output()[-2000:]
        status = coordinator.status()
        if status["model_id"] != seen and status["model_id"]:
            seen = status["model_id"]
            print(f"global model {seen[:12]}, tabs have {tabs.fewest_models()} models", flush=True)
        time.sleep(0.25)


def failed_rounds(coordinator):
    lines = coordinator.program.output().splitlines()
    return [line for line in lines if "round failed" in line]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--official", type=int, default=20)
    parser.add_argument("--tabs", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        complaints = run(options, Path(folder))
    print(*complaints, sep="\n")
    print(f"{len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
