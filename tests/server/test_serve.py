"""``petal serve`` as a person runs it: a process of its own, real sockets, signals, TLS."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from petal.wire import decode_params
from petal_server.server import advise
from petal_server.settings import Settings

from .members import summers

SECONDS = 30
ROOT = Path(__file__).parents[2]
SMALL = {
    "PETAL__API__BIND_ADDRESS": "127.0.0.1:0",
    "PETAL__WEB__ENABLE": "false",
    "PETAL__LOG__FORMAT": "json",
    "PETAL__STORAGE__KIND": "memory",
}


def petal(*arguments, **variables):
    """The command and environment of ``petal``, with ``variables`` on top of small settings."""
    command = [sys.executable, "-c", "from petal_server.cli import main; main()", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PETAL__", "XAYNET__"))}
    return {"args": command, "env": {**environment, **SMALL, **variables}, "cwd": ROOT}


def finished(*arguments, **variables):
    return subprocess.run(
        **petal(*arguments, **variables), capture_output=True, text=True, timeout=SECONDS
    )


@contextmanager
def serving(*arguments, **variables):
    """A running coordinator: its address, its process, and a list that fills with its log."""
    process = subprocess.Popen(
        **petal("serve", *arguments, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = []
    reader = threading.Thread(target=lambda: log.extend(process.stderr))
    reader.start()
    try:
        first = process.stdout.readline()
        found = re.fullmatch(r"Petal coordinator on (https?://\S+)/\n", first)
        assert found, (first, log)
        yield found[1], process, log
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(SECONDS)
        reader.join(SECONDS)
        process.stdout.close()
        process.stderr.close()


def test_help_teaches():
    done = finished("serve", "--help")
    assert done.returncode == 0
    assert "PETAL__PET__UPDATE__COUNT__MIN=10" in done.stdout


def test_a_good_file_is_told_so():
    done = finished("serve", "--check", "-c", str(ROOT / "deploy" / "config.toml"))
    assert done.returncode == 0, done.stderr
    assert "The settings are good. Rounds: 1000 weights, Prime/F32/B0/M3" in done.stdout


def test_a_wrong_file_is_two_lines_and_no_traceback(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[pet.sum]\nprob = 2\ncuont = 1\n")
    done = finished("serve", "-c", str(path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 2
    assert all(line.startswith(f"petal serve: {path}: ") for line in done.stderr.splitlines())


def test_a_taken_address_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = finished("serve", PETAL__API__BIND_ADDRESS=address)
    assert done.returncode == 2
    assert f"cannot listen on {address}" in done.stderr
    assert "Set api.bind_address" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("serve",), ("serve", "--check")])
def test_a_file_that_holds_no_certificate(tmp_path, arguments):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nonsense")
    done = finished(
        *arguments,
        PETAL__API__TLS_CERTIFICATE=str(tmp_path / "cert.pem"),
        PETAL__API__TLS_KEY=str(tmp_path / "key.pem"),
    )
    assert done.returncode == 2
    assert "petal serve: api.tls_certificate: it and api.tls_key hold no" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(number):
    with serving() as (url, process, log):
        assert httpx.get(f"{url}/status").json()["phase"] == "sum"
        process.send_signal(number)
        assert process.wait(SECONDS) == 0
    text = "".join(log)
    assert '"phase": "shutdown"' in text
    assert "Traceback" not in text


def test_a_signal_right_after_the_address_is_printed_stops_it_too():
    for _ in range(3):
        with serving() as (_, process, _):
            process.terminate()
            assert process.wait(SECONDS) == 0


def test_sections_that_change_nothing_are_noted():
    with serving(XAYNET__REDIS__URL="redis://:hunter2@h/") as (_, process, log):
        process.terminate()
        process.wait(SECONDS)
    assert any("section [redis] is accepted but changes nothing" in line for line in log)
    assert "hunter2" not in "".join(log)


def test_settings_that_cannot_be_meant_are_advised_against():
    settings = Settings(
        pet={"update": {"count": {"min": 3, "max": 10_000}}},
        model={"length": 100_000},
        multipart={"max_total_size": 5000},
        limits={"body_memory_per_address": 2**17},
    )
    model_type, multipart, body = advise(settings)
    assert "M3 adds 1000 updates" in model_type
    assert "updates in chunks cannot be completed" in multipart
    assert "it can only come in parts" in body
    assert list(advise(Settings())) == []


def test_more_connections_than_the_system_allows_are_noted():
    with serving(PETAL__LIMITS__CONNECTIONS="100000000") as (url, process, log):
        assert httpx.get(f"{url}/healthz").status_code == 200
        process.terminate()
        process.wait(SECONDS)
    assert any("raise the limit on open files" in line for line in log)


def test_messages_over_a_real_socket():
    with serving() as (url, _, _), httpx.Client(base_url=url) as client:
        params = decode_params(client.get("/params").content)
        body = summers(params, 1)[0].sum()
        answer = client.post("/message", content=iter([body[:50], body[50:]]))
        assert (answer.status_code, answer.content) == (200, b"")
        status = client.get("/status").json()
        assert status["counts"]["sum"] == 1


def test_a_sender_that_breaks_off_harms_nobody():
    with serving() as (url, process, log):
        host, port = url.removeprefix("http://").split(":")
        for sent in (
            b"POST /mess",
            b"POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
        ):
            with socket.create_connection((host, int(port))) as sender:
                sender.sendall(sent)
        params = decode_params(httpx.get(f"{url}/params").content)
        accept = {"accept": "application/json"}
        answer = httpx.post(f"{url}/message", content=summers(params, 1)[0].sum(), headers=accept)
        assert answer.json() == {"outcome": "accepted", "reason": None}
        process.terminate()
        process.wait(SECONDS)
    assert "Traceback" not in "".join(log)


def test_a_body_without_end_is_cut_off():
    with serving() as (url, _, _):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=SECONDS) as sender:
            sender.sendall(
                b"POST /message HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            chunk = b"10000\r\n" + bytes(2**16) + b"\r\n"
            sender.sendall(chunk + chunk)
            assert sender.recv(20).startswith(b"HTTP/1.1 413 ")
