"""Measurements are pushed to a real HTTP receiver; what it does cannot hurt a round."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from petal_server.phases import PhaseName

from .harness import running, small_settings

pytestmark = pytest.mark.anyio

LINE = re.compile(r'([a-z_]+)((?:,\w+=\d+)*) (value=[\d.]+i?|title="[^"]*",\S+="[^"]*") (\d{19})')


class Receiver:
    """An InfluxDB as far as writing goes."""

    def __init__(self):
        self.lines, self.queries, self.status, self.refused = [], [], 204, 0
        self.user = None

    async def write(self, request: Request) -> Response:
        self.user = request.headers.get("authorization")
        if self.status == 204:
            self.queries.append(dict(request.query_params))
            self.lines += (await request.body()).decode().split("\n")
        else:
            self.refused += 1
        return Response(status_code=self.status)

    def of(self, name):
        found = [LINE.fullmatch(line) for line in self.lines]
        return [(match[2], match[3]) for match in found if match[1] == name]


@asynccontextmanager
async def receiving():
    receiver = Receiver()
    app = Starlette(routes=[Route("/write", receiver.write, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110, uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield receiver, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr("petal_server.metrics.influx.PUSH_EVERY", 0.02)


def pushing_to(url):
    return small_settings(metrics={"influxdb": {"url": url, "db": "petal test"}})


async def test_xaynets_measurements_of_a_round():
    async with receiving() as (receiver, url):
        async with running(pushing_to(url)) as coordinator:
            await coordinator.post(b"noise")
            await coordinator.finish(await coordinator.to_sum2())
        assert all(LINE.fullmatch(line) for line in receiver.lines)
        assert {"db": "petal test", "precision": "ns"} in receiver.queries
        assert receiver.of("message_accepted").count((",phase=2,round_id=1", "value=1i")) == 3
        assert receiver.of("message_rejected") == [(",phase=1,round_id=1", "value=1i")]
        assert receiver.of("masks_total_number") == [(",phase=4,round_id=1", "value=1i")]
        assert receiver.of("round_param_sum")[0] == (",phase=0,round_id=1", "value=0.5")
        assert receiver.of("round_total_number") == [("", "value=1i"), ("", "value=2i")]
        phases = [value for _, value in receiver.of("phase")]
        assert phases == [f"value={number}i" for number in (0, 1, 2, 3, 4, 0, 1, 6)]


async def test_no_two_points_replace_each_other():
    async with receiving() as (receiver, url):
        async with running(pushing_to(url)) as coordinator:
            await asyncio.gather(*(coordinator.post(b"noise") for _ in range(50)))
        times = [line.rsplit(" ", 1)[1] for line in receiver.lines]
        assert len(receiver.of("message_rejected")) == 50
        assert len(set(times)) == len(times)


async def test_a_failed_round_is_an_event():
    async with receiving() as (receiver, url):
        async with running(pushing_to(url)) as coordinator:
            await coordinator.to_update()
            await coordinator.reaches(PhaseName.FAILURE, after=60)
        assert ("", 'title="Phase error",description="update: timeout"') in receiver.of("event")


@pytest.mark.parametrize("status", [503, None])
async def test_points_wait_for_a_database_that_is_down(status):
    async with receiving() as (receiver, url):
        receiver.status = status or 204
        address = url if status else "http://127.0.0.1:9"
        async with running(pushing_to(address)) as coordinator:
            await coordinator.to_update()
            push = coordinator.app.state.onlookers._influx
            await coordinator.until(lambda: not push._works, "a failed push")
            assert receiver.lines == []
            receiver.status, push._address = 204, f"{url}/write"
            await coordinator.until(lambda: receiver.of("message_accepted"), "the points")
            # The same round still runs.
            assert coordinator.ctx.state.round_id == 1
        assert [value for _, value in receiver.of("phase")][:3] == [
            "value=0i",
            "value=1i",
            "value=2i",
        ]


async def test_what_the_database_refuses_is_not_sent_again():
    async with receiving() as (receiver, url):
        receiver.status = 400
        async with running(pushing_to(url)) as coordinator:
            await coordinator.until(lambda: receiver.refused, "a refusal")
            receiver.status = 204
            await coordinator.post(b"noise")
            await coordinator.until(lambda: receiver.lines, "a point")
        assert "value=0i" not in [value for _, value in receiver.of("phase")]


async def test_a_database_that_stays_down_costs_old_points(monkeypatch):
    monkeypatch.setattr("petal_server.metrics.influx.PUSH_EVERY", 60)
    monkeypatch.setattr("petal_server.metrics.influx.MOST_WAITING", 10)
    async with running(pushing_to("http://127.0.0.1:9")) as coordinator:
        for _ in range(30):
            await coordinator.post(b"noise")
        push = coordinator.app.state.onlookers._influx
        assert len(push._points) == 10


async def test_no_password_in_the_address_is_shown(capfd):
    settings = pushing_to("http://operator:hunter2@127.0.0.1:9")
    assert "hunter2" not in repr(settings)
    async with running(settings) as coordinator:
        push = coordinator.app.state.onlookers._influx
        await coordinator.until(lambda: not push._works, "a failed push")
    assert "hunter2" not in "".join(capfd.readouterr())


async def test_a_password_in_the_address_is_sent_and_not_logged(caplog):
    """httpx logs the address of every request."""
    caplog.set_level("DEBUG", "httpx")
    async with receiving() as (receiver, url):
        address = url.replace("://", "://operator:hunter2@")
        async with running(pushing_to(address)) as coordinator:
            await coordinator.until(lambda: receiver.lines, "a push")
            await coordinator.until(lambda: "HTTP Request: POST" in caplog.text, "its log")
    assert receiver.user.startswith("Basic ")
    assert "hunter2" not in caplog.text
