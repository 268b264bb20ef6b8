"""SIGTERM in each phase of the real ``petal serve``: its intake ends cleanly, and all is stored."""

import base64
import socket
import time
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import httpx
import pytest

from petal.wire import decode_dictionary, decode_params

from .members import summers, updaters
from .test_serve import SECONDS, serving

ACCEPTED = {"outcome": "accepted", "reason": None}
JSON = {"accept": "application/json"}
LONG = {"TIME__MIN": "40", "TIME__MAX": "60", "COUNT__MIN": "3", "COUNT__MAX": "9"}
SHORT = {"TIME__MIN": "0", "TIME__MAX": "60", "COUNT__MAX": "9"}
COUNTS = {"sum": "2", "update": "3"}


def settings(folder, phase):
    """A coordinator whose phases end with their last message, but for this one."""
    variables = {"PETAL__STORAGE__KIND": "sqlite", "PETAL__STORAGE__PATH": str(folder)}
    for name in ("sum", "update", "sum2"):
        chosen = LONG if name == phase else SHORT | {"COUNT__MIN": COUNTS.get(name, "2")}
        variables |= {f"PETAL__PET__{name.upper()}__{key}": text for key, text in chosen.items()}
    return variables


def wait_for(client, phase):
    deadline = time.monotonic() + SECONDS
    while client.get("/status").json()["phase"] != phase:
        assert time.monotonic() < deadline, client.get("/status").text
        time.sleep(0.02)


def post(client, body):
    assert client.post("/message", content=body, headers=JSON).json() == ACCEPTED


def bodies_of(client, phase):
    """Two good messages for this phase, which has begun."""
    params = decode_params(client.get("/params").content)
    sums = summers(params, 2)
    if phase == "sum":
        return [member.sum() for member in sums]
    for member in sums:
        post(client, member.sum())
    wait_for(client, "update")
    keys = decode_dictionary(published(client, "/sums"), 32)
    updates = [member.update(keys) for member in updaters(params, 3)]
    if phase == "update":
        return updates[:2]
    for body in updates:
        post(client, body)
    wait_for(client, "sum2")
    return [member.sum2(seeds_of(client, member.pk)) for member in sums]


def published(client, path):
    """What is there a moment after the phase began."""
    end = time.monotonic() + SECONDS
    while (answer := client.get(path)).status_code != 200:
        assert time.monotonic() < end, f"{path} never had an answer"
        time.sleep(0.01)
    return answer.content


def seeds_of(client, pk):
    pk = quote(base64.b64encode(pk), safe="")
    return decode_dictionary(published(client, f"/seeds?pk={pk}"), 80)


@pytest.mark.parametrize("phase", ["sum", "update", "sum2"])
def test_sigterm_ends_the_intake_and_stores(phase, tmp_path):
    """What was accepted or is on its way is there; who waits is let go; nobody else comes in."""
    variables = settings(tmp_path / "data", phase)
    with serving(**variables) as (url, process, log), httpx.Client(base_url=url) as client:
        first, second = bodies_of(client, phase)
        post(client, first)
        before = client.get("/params").content
        with half_sent(url, second) as (sender, rest), waiting(client) as waiter:
            process.terminate()
            assert everything(waiter).startswith(b"HTTP/1.1 304 ")
            with pytest.raises(httpx.ConnectError):
                httpx.get(url)
            assert process.poll() is None, "it waits for the message that is on its way"
            sender.sendall(rest)
            answer = everything(sender)
        assert process.wait(SECONDS) == 0
    assert b"HTTP/1.1 200 " in answer
    assert b'"accepted"' in answer
    assert any('"event": "stopped"' in line for line in log)
    assert not any('"level": "error"' in line or "Traceback" in line for line in log)
    with serving(**variables) as (url, _, _), httpx.Client(base_url=url) as client:
        status = client.get("/status").json()
        assert (status["round_id"], status["phase"]) == (1, phase)
        assert status["counts"][phase] == 2
        assert client.get("/params").content == before


@contextmanager
def half_sent(url, body):
    """A sender that has sent half of its message, and the other half."""
    half = len(body) // 2
    head = "POST /message HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(url).port), SECONDS) as sender:
        sender.sendall(head.encode() + body[:half])
        yield sender, body[half:]


@contextmanager
def waiting(client):
    """A connection on which a question for the next round is kept open."""
    tag = client.get("/params").headers["etag"]
    head = f"GET /params HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\nPrefer: wait=25\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.base_url.port), SECONDS) as waiter:
        waiter.sendall(head.encode())
        deadline = time.monotonic() + SECONDS
        while "petal_held_requests 1.0" not in client.get("/metrics").text:
            assert time.monotonic() < deadline
        yield waiter


def everything(connection):
    return b"".join(iter(lambda: connection.recv(4096), b""))


def test_sigterm_in_the_pause_after_a_failure(tmp_path):
    variables = settings(tmp_path / "data", "sum2") | {
        "PETAL__PET__SUM__TIME__MAX": "0.1",
        "PETAL__ROUND__FAILURE_DELAY": "60",
    }
    with serving(**variables) as (url, process, log):
        with httpx.Client(base_url=url) as client:
            wait_for(client, "failure")
        process.terminate()
        assert process.wait(10) == 0
    assert not any("Traceback" in line for line in log)
