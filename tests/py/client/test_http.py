"""The httpx transport against servers that behave, misbehave, or are not there."""

import asyncio
import gzip
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from petal.client import http
from petal.client.http import HttpTransport, check_url
from petal.errors import TransportError

PAYLOAD = b"p" * 1000


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        self.server.seen.append((self.command, self.path, dict(self.headers)))

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"content-length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers.get("prefer"):
            self.server.gate.wait(10)
            self.answer(304, etag='"one"')
        elif self.path == "/params" and self.headers.get("if-none-match") == '"one"':
            self.answer(304, etag='"one"')
        elif self.path == "/params":
            self.answer(200, PAYLOAD, etag='"one"')
        elif self.path == "/bomb":
            self.answer(200, gzip.compress(bytes(10_000_000)), content_encoding="gzip")
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(bytes(65536))
        elif self.path == "/torn":
            self.answer(200, PAYLOAD, content_length=2000)
            self.close_connection = True
        else:
            self.answer(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(200, body[::-1])


@contextmanager
def server():
    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request, address):
            """The client hung up on an endless answer, as it should."""

    with Quiet(("127.0.0.1", 0), Handler) as running:
        running.seen, running.gate = [], threading.Event()
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def fetch(url, *paths, method="GET", body=None, limit=2000):
    async def main():
        async with HttpTransport(url) as transport:
            return [await transport.fetch(method, path, {}, body, limit) for path in paths]

    return asyncio.run(main())


def test_bodies_go_both_ways():
    with server() as (_, url):
        (answer,) = fetch(url, "message", method="POST", body=b"abc")
    assert (answer.status, answer.body) == (200, b"cba")


def test_what_did_not_change_is_not_sent_again():
    with server() as (running, url):
        first, second, third = fetch(url, "params", "params", "params")
    assert [a.status for a in (first, second, third)] == [200] * 3
    assert {a.body for a in (first, second, third)} == {PAYLOAD}
    assert [headers.get("if-none-match") for _, _, headers in running.seen] == [
        None,
        '"one"',
        '"one"',
    ]


PATIENT = {"if-none-match": '"one"', "prefer": "wait=20"}


def test_a_question_that_is_kept_open_is_answered_as_it_is():
    """Its tag is the asker's own: what other participants got through this transport is not."""

    async def main(url):
        async with HttpTransport(url) as transport:
            await transport.fetch("GET", "params", {}, None, 2000)
            return await transport.fetch("GET", "params", PATIENT, None, 2000)

    with server() as (running, url):
        running.gate.set()
        answer = asyncio.run(main(url))
    assert (answer.status, answer.body) == (304, b"")


def test_one_transport_keeps_so_many_questions_open_and_no_more(monkeypatch):
    monkeypatch.setattr(http, "_MOST_WAITING", 2)

    async def main(url, running):
        async with HttpTransport(url) as transport:

            def look():
                return asyncio.create_task(transport.fetch("GET", "sums", PATIENT, None, 2000))

            kept = [look(), look()]
            await asyncio.sleep(0)
            assert (await look()).status == 204
            assert not any(task.done() for task in kept)
            running.gate.set()
            return [(await task).status for task in kept]

    with server() as (running, url):
        assert asyncio.run(main(url, running)) == [304, 304]


def test_a_password_in_the_address_is_sent_and_not_shown(caplog):
    caplog.set_level("DEBUG", "httpx")
    with server() as (running, url):
        fetch(url.replace("://", "://user:hunter2@"), "sums")
    [(_, _, headers)] = running.seen
    assert headers["Authorization"].startswith("Basic ")
    with pytest.raises(TransportError, match="the coordinator at http://127") as caught:
        fetch(url.replace("://", "://user:hunter2@"), "sums")
    assert "hunter2" not in str(caught.value)
    assert "HTTP Request: GET http://127" in caplog.text
    assert "hunter2" not in caplog.text
    for wrong in ("http://user:hunter2@host?a=b", "ftp://user:hunter2@host", "http://u:hunter2@"):
        with pytest.raises(ValueError, match="is no address of a coordinator") as refused:
            check_url(wrong)
        assert "hunter2" not in str(refused.value)


def test_a_path_of_the_coordinators_url_is_kept():
    with server() as (running, url):
        fetch(f"{url}/fl/", "sums")
        fetch(f"{url}/fl", "sums")
    assert [path for _, path, _ in running.seen] == ["/fl/sums"] * 2


@pytest.mark.parametrize("path", ["endless", "bomb"])
def test_answers_are_bounded(path):
    with server() as (_, url), pytest.raises(TransportError, match="longer than 2000 bytes"):
        fetch(url, path)


def test_a_torn_answer_is_no_answer():
    with server() as (_, url), pytest.raises(TransportError, match="cannot be reached"):
        fetch(url, "torn")


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TransportError, match=rf"127\.0\.0\.1:{port}/ cannot be reached"):
        fetch(f"http://127.0.0.1:{port}", "params")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "foo",
        "http://",
        "ftp://x",
        "mailto:a@b",
        "http://h:99999",
        "http://h/?q=1",
        "http://h/#f",
    ],
)
def test_addresses_that_are_none(url):
    with pytest.raises(ValueError, match="no address of a coordinator"):
        check_url(url)
