"""Global models before a trust anchor: a real HTTP receiver on loopback, and Python functions."""

import asyncio
import hashlib
import sys
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import httpx
import numpy as np
import pytest

from petal_server.config_file import ConfigError, load
from petal_server.phases import PhaseName
from petal_server.storage import SqliteStorage
from petal_server.trust_anchor import TrustAnchorError, trust_anchor_of

from .harness import ACCEPTED, running, small_settings
from .test_operators import samples
from .test_serve import finished

pytestmark = pytest.mark.anyio


@contextmanager
def receiver(*statuses):
    """A receiver that answers with these, then 204: its address, and what it was sent."""
    got, answers = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://user:hunter2@127.0.0.1:{server.server_port}/models/?a=b", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asking(url=None, **more):
    return small_settings(trust_anchor={"url": url, **more})


async def vote(coordinator, sums):
    """All votes, and on to unmasking."""
    for member in sums:
        assert await coordinator.post(member.sum2(coordinator.seeds_of(member.pk))) == ACCEPTED
    coordinator.clock.advance(10)


async def test_a_receiver_is_sent_the_model_before_it_is_published(caplog):
    caplog.set_level("DEBUG", "httpx")
    with receiver() as (url, got):
        async with running(asking(url)) as coordinator:
            await coordinator.finish(await coordinator.to_sum2())
            published = coordinator.ctx.board
    [(path, headers, body)] = got
    assert path == "/models/?a=b"
    assert body == published.model_npy.body
    assert headers["petal-model-id"] == published.model_id
    assert headers["petal-updates"] == "3"
    assert headers["content-type"] == "application/x-npy"
    digest = b64encode(hashlib.sha256(body).digest()).decode()
    assert headers["content-digest"] == f"sha-256=:{digest}:"
    assert headers["authorization"].startswith("Basic ")
    assert "HTTP Request: POST" in caplog.text
    assert "hunter2" not in caplog.text
    np.testing.assert_array_equal(np.load(BytesIO(body)), np.full(3, 0.5, np.float32))


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_receiver_that_refuses_fails_the_round(status, capsys):
    with receiver(status) as (url, got):
        async with running(asking(url)) as coordinator:
            transport = httpx.ASGITransport(coordinator.app)
            await vote(coordinator, await coordinator.to_sum2())
            await coordinator.reaches(PhaseName.FAILURE)
            wanted = f"round 1, unmask: trust_anchor: it answered with status {status}"
            assert coordinator.ctx.last_failure == wanted
            assert coordinator.ctx.board.model_id is None
            assert await coordinator.ctx.store.latest_global_model() is None
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                now = await samples(client)
            assert now["petal_trust_anchor_failures_total",] == 1
            assert now["petal_round_failures_total", "unmask", "trust_anchor"] == 1
            await coordinator.reaches(PhaseName.SUM, after=coordinator.settings.round.failure_delay)
            await coordinator.finish(await coordinator.to_sum2())
            assert coordinator.ctx.board.model_id.startswith("2_")
    assert len(got) == 2
    assert "hunter2" not in capsys.readouterr().out


async def test_a_round_can_go_on_without_it():
    with receiver(500) as (url, got):
        async with running(asking(url, on_failure="publish")) as coordinator:
            await coordinator.finish(await coordinator.to_sum2())
            assert coordinator.ctx.board.model_id.startswith("1_")
            assert coordinator.ctx.last_failure is None
    assert len(got) == 1


async def test_nobody_there():
    with receiver() as (url, _):
        pass
    async with running(asking(url)) as coordinator:
        await vote(coordinator, await coordinator.to_sum2())
        await coordinator.reaches(PhaseName.FAILURE)
        assert "trust_anchor: it cannot be reached: ConnectError" in coordinator.ctx.last_failure


class Recording:
    """A trust anchor as programs write them."""

    def __init__(self, *does):
        self.does, self.shown = list(does), []

    async def publish_proof(self, model):
        self.shown.append(model)
        if self.does:
            await self.does.pop(0)()


async def for_ever():
    await asyncio.Event().wait()


async def test_one_that_does_not_answer_in_time():
    anchor = Recording(for_ever)
    settings = asking(timeout=7)
    async with running(settings, trust_anchor=anchor) as coordinator:
        await vote(coordinator, await coordinator.to_sum2())
        await coordinator.reaches(PhaseName.UNMASK)
        await coordinator.until(lambda: anchor.shown)
        assert coordinator.ctx.board.model_id is None
        await coordinator.reaches(PhaseName.FAILURE, after=7)
        assert coordinator.ctx.last_failure.endswith("trust_anchor: no answer in 7 s")


async def test_what_its_own_code_says_is_not_for_everybody(capsys):
    async def explode():
        raise RuntimeError("the operator's password is hunter2")

    async with running(asking(), trust_anchor=Recording(explode)) as coordinator:
        await vote(coordinator, await coordinator.to_sum2())
        await coordinator.reaches(PhaseName.FAILURE)
        assert coordinator.ctx.last_failure == "round 1, unmask: trust_anchor: RuntimeError"
    assert "the operator's password" in capsys.readouterr().out


async def test_stopping_does_not_wait_for_it_and_a_restart_asks_again(tmp_path):
    def store():
        return SqliteStorage(tmp_path / "data")

    stuck, willing = Recording(for_ever), Recording()
    with store() as first:
        async with running(asking(), store=first, trust_anchor=stuck) as coordinator:
            clock = coordinator.clock
            await vote(coordinator, await coordinator.to_sum2())
            await coordinator.until(lambda: stuck.shown)
    with store() as second:
        async with running(
            asking(), store=second, trust_anchor=willing, clock=clock, seed=2
        ) as coordinator:
            await coordinator.until(lambda: coordinator.ctx.board.model_id)
            assert coordinator.ctx.board.model_id == stuck.shown[0].id
    assert willing.shown == stuck.shown
    np.testing.assert_array_equal(willing.shown[0].weights, np.full(3, 0.5, np.float32))


async def test_a_model_that_was_taken_and_stored_is_not_shown_again(tmp_path):
    anchor = Recording()
    with SqliteStorage(tmp_path / "data") as store:
        async with running(asking(), store=store, trust_anchor=anchor) as coordinator:
            await coordinator.finish(await coordinator.to_sum2())
            clock, model = coordinator.clock, coordinator.ctx.board.model_id
    with SqliteStorage(tmp_path / "data") as store:
        async with running(asking(), store=store, trust_anchor=anchor, clock=clock) as coordinator:
            assert coordinator.ctx.board.model_id == model
    assert [shown.id for shown in anchor.shown] == [model]


NOTARY = """
seen = []
async def later(model):
    seen.append((model.id, model.weights.tolist()))
def plain(model):
    seen.append((model.id, model.weights.tolist()))
def refuses(model):
    raise ValueError("worse than the last one")
async def refuses_later(model):
    refuses(model)
class Notary:
    async def __call__(self, model):
        await later(model)
    async def refuse(self, model):
        refuses(model)
notary = Notary()
wrapped = lambda model: refuses_later(model)
number = 3
"""


@pytest.fixture
def notary(tmp_path, monkeypatch):
    (tmp_path / "notary_of_this_test.py").write_text(NOTARY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "notary_of_this_test", raising=False)
    return "notary_of_this_test"


@pytest.mark.parametrize("name", ["later", "plain", "notary"])
async def test_a_python_function_of_the_operators(notary, name):
    async with running(asking(call=f"{notary}:{name}")) as coordinator:
        await coordinator.finish(await coordinator.to_sum2())
        model = coordinator.ctx.board.model_id
    assert sys.modules[notary].seen == [(model, [0.5, 0.5, 0.5])]


@pytest.mark.parametrize("name", ["refuses", "refuses_later", "notary.refuse", "wrapped"])
async def test_a_python_function_that_refuses(notary, name):
    """Also where only what it returns is to be awaited: unawaited, that would refuse nothing."""
    async with running(asking(call=f"{notary}:{name}")) as coordinator:
        await vote(coordinator, await coordinator.to_sum2())
        await coordinator.reaches(PhaseName.FAILURE)
        assert coordinator.ctx.last_failure == "round 1, unmask: trust_anchor: ValueError"


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("notary_of_this_test:nope", "cannot be imported: AttributeError"),
        ("no_such_module_at_all:f", "cannot be imported: ModuleNotFoundError"),
        ("notary_of_this_test:number", "is no function"),
    ],
)
async def test_functions_that_there_are_not(notary, call, wanted):
    with pytest.raises(TrustAnchorError, match=wanted):
        trust_anchor_of(asking(call=call).trust_anchor)


@pytest.mark.parametrize("arguments", [("serve",), ("serve", "--check")])
def test_petal_serve_says_at_the_start_what_is_missing(arguments):
    done = finished(*arguments, PETAL__TRUST_ANCHOR__CALL="no_such_module_at_all:f")
    assert done.returncode == 2
    assert "petal serve: trust_anchor.call: no_such_module_at_all:f cannot be" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("url = 'ftp://user:hunter2@h/'", "trust_anchor.url: must be an address"),
        ("call = 'notary.publish'", 'trust_anchor.call: must be "module:function"'),
        ("url = 'http://h/'\ncall = 'a:b'", "trust_anchor: url and call exclude each other"),
        ("on_failure = 'ignore'", "trust_anchor.on_failure: must be 'fail_round' or 'publish'"),
    ],
)
def test_settings_that_are_wrong(tmp_path, text, wanted):
    config = tmp_path / "config.toml"
    config.write_text(f"[trust_anchor]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(config)
    assert wanted in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_xaynets_empty_section_asks_nobody(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("[trust_anchor]\n")
    assert trust_anchor_of(load(config).trust_anchor) is None
