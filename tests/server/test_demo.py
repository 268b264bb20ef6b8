"""``petal demo`` in its own process, and what its settings rest on."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from itertools import product

import pytest
from click.testing import CliRunner

from petal_server import demo, demo_run

COMMAND = [sys.executable, "-c", "from petal_server.cli import main; main()", "demo"]


@pytest.fixture
def started():
    """Starts the demo with arguments; what is still running in the end is killed."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [*COMMAND, "--no-open", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def address_of(process):
    """The page's address, read from what the demo prints."""
    for printed in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+/", printed):
            return found[0]
    raise AssertionError(f"no address printed: {process.stderr.read()}")


def test_it_runs_rounds_and_stops_by_itself(started):
    out, err = started("--rounds", "2").communicate(timeout=120)
    assert err == ""
    reached = [float(found) for found in re.findall(r"accuracy +([\d.]+)%", out)]
    assert len(reached) == 2
    assert 20 < reached[0] < reached[1] < 100
    assert re.search(r"[3-7] updates, masked by [1-5] sum participants?\n", out)
    assert out.endswith("Stopped.\n")


@pytest.mark.parametrize("seconds", [0, 4])
def test_ctrl_c_stops_it_without_a_traceback(started, seconds):
    process = started()
    with urllib.request.urlopen(address_of(process)) as page:
        assert page.status == 200
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("Stopped.\n")


def test_a_visitor_finds_page_task_and_parameters(started):
    address = address_of(started())
    for path in ("", "petal/demo/tasks/digits/digits.py", "petal/demo/tasks/digits/digits.npz"):
        with urllib.request.urlopen(address + path) as answer:
            assert answer.status == 200
    with urllib.request.urlopen(address + "params") as answer:
        assert len(answer.read()) == 136


def test_a_taken_default_port_gives_way_and_a_wanted_one_does_not(monkeypatch):
    with socket.create_server((demo.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(demo, "PORT", port)
        with demo._listen(None) as other:
            assert other.getsockname()[1] != port
        result = CliRunner().invoke(demo.demo, ["--port", str(port), "--no-open"])
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "Name another --port" in result.stderr


def test_missing_browser_files_are_named_with_the_command_that_fetches_them(monkeypatch, tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "index.html").touch()
    monkeypatch.setattr(demo, "web_folder", lambda settings: tmp_path)
    result = CliRunner().invoke(demo.demo, ["--no-open"])
    assert result.exit_code == 2
    assert "fetch_vendor.py" in result.stderr


def test_outside_a_checkout_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "web_folder", lambda settings: tmp_path)
    with pytest.raises(SystemExit):
        demo.load_task()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a display")
def test_no_text_browser_takes_the_terminal(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not demo._has_display()
    monkeypatch.setenv("DISPLAY", ":0")
    assert demo._has_display()


@pytest.mark.parametrize(("participants", "probability"), [(4, 0.25), (6, 0.5), (9, 0.36)])
def test_the_share_of_failing_rounds_is_counted_right(participants, probability):
    failing = 0
    for draw in product((0, 1), repeat=participants):
        summing = sum(draw)
        if summing == 0 or participants - summing < 3:
            failing += probability**summing * (1 - probability) ** (participants - summing)
    assert demo.failing_share(participants, probability) == pytest.approx(failing)


def test_few_rounds_fail_with_and_without_visitors():
    probability = demo.sum_probability(8)
    assert demo.failing_share(8, probability) < 0.06
    assert all(demo.failing_share(8 + tabs, probability) < 0.04 for tabs in range(1, 30))
    assert demo.failing_share(8, probability) <= min(
        demo.failing_share(8, other / 200) for other in range(1, 200, 10)
    )


def test_the_settings_are_the_task_s_and_leave_nobody_without_a_role():
    task = demo.load_task()
    settings = demo.demo_settings(task, 8)
    module = task.load_module()
    assert str(settings.mask.config.vect) == module.CONFIG
    assert settings.model.length == module.MODEL_LENGTH
    assert settings.pet.update.prob == 1.0
    phases = (settings.pet.sum, settings.pet.update, settings.pet.sum2)
    assert 6 <= sum(phase.time.min for phase in phases) <= 10


def test_a_round_s_line():
    status = {"round_id": 7, "counts": {"sum": 1, "update": 6, "sum2": 1}}
    line = demo_run.line(status, 0.925)
    assert line.startswith("round   7   accuracy  92.5%")
    assert line.endswith("6 updates, masked by 1 sum participant")
