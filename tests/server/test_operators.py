"""What operators and their tools are told: health, metrics, the description of the API."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from petal_server.openapi import DOCUMENT
from petal_server.phases import PhaseName
from petal_server.storage import MemoryStorage, StorageError

from .harness import ACCEPTED, running, small_settings
from .members import summers
from .over_sockets import served

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs" / "monitoring.md"
DASHBOARD = ROOT / "deploy" / "grafana" / "petal.json"


@asynccontextmanager
async def asking(settings=None, **options):
    async with running(settings, **options) as coordinator:
        transport = httpx.ASGITransport(coordinator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield coordinator, client


async def samples(client):
    """Every sample of /metrics as {(name, label values by label name...): value}."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class Unwilling(MemoryStorage):
    """A store that can be told not to answer, in either way."""

    how = None

    async def global_model(self, model_id):
        if self.how == "raises":
            raise StorageError("the disk is gone")
        if self.how == "hangs":
            await asyncio.Event().wait()
        return await super().global_model(model_id)


async def test_a_healthy_coordinator():
    async with asking() as (_, client):
        health, readiness = await client.get("/healthz"), await client.get("/readyz")
        assert (health.status_code, health.json()) == (200, {"machine": "ok"})
        assert (readiness.status_code, readiness.json()) == (200, {"machine": "ok", "store": "ok"})
        assert health.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("how", ["raises", "hangs"])
async def test_a_store_that_does_not_answer_makes_it_unready_but_not_dead(how, monkeypatch):
    monkeypatch.setattr("petal_server.health.PATIENCE", 0.05)
    monkeypatch.setattr("petal_server.health.KEPT_FOR", 0)
    store = Unwilling()
    async with asking(store=store) as (_, client):
        store.how = how
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"machine": "ok", "store": "does not answer"}
        assert (await client.get("/healthz")).status_code == 200
        store.how = None
        assert (await client.get("/readyz")).status_code == 200


async def test_many_questions_are_one_for_the_store(monkeypatch):
    monkeypatch.setattr("petal_server.health.KEPT_FOR", 60)
    asked = []

    class Counting(MemoryStorage):
        async def global_model(self, model_id):
            asked.append(model_id)

    async with asking(store=Counting()) as (_, client):
        asked.clear()
        await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
        assert len(asked) == 1


async def test_a_machine_that_stopped_is_dead():
    async with asking() as (coordinator, client):
        await coordinator.app.state.machine.stop()
        for path in ("/healthz", "/readyz"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.json()["machine"] == "stopped"


async def test_metrics_of_a_round():
    async with asking() as (coordinator, client):
        sums = await coordinator.to_sum2()
        now = await samples(client)
        assert now["petal_phase", "sum2"] == 1
        assert sum(value for (name, *_), value in now.items() if name == "petal_phase") == 1
        assert now["petal_round",] == 1
        assert now["petal_round_param_sum",] == 0.5
        assert now["petal_round_param_update",] == 1.0
        assert now["petal_model_length",] == 3
        assert now["petal_messages_total", "accepted", "sum", ""] == 1
        assert now["petal_messages_total", "accepted", "update", ""] == 3
        await coordinator.finish(sums)
        then = await samples(client)
        assert then["petal_masks",] == 1
        assert then["petal_models_total",] == 1
        assert then["petal_model_updates",] == 3
        assert then["petal_phase_seconds_count", "update"] == 1
        assert then["petal_message_seconds_count", "accepted"] == 5


async def test_metrics_of_what_goes_wrong():
    async with asking() as (coordinator, client):
        assert (await samples(client))["petal_round_failures_total", "sum", "timeout"] == 0
        await coordinator.post(b"noise")
        member = summers(coordinator.params, 1)[0]
        assert await coordinator.post(member.sum()) == ACCEPTED
        await coordinator.post(member.sum())
        await coordinator.reaches(PhaseName.UPDATE, after=10)
        await coordinator.reaches(PhaseName.FAILURE, after=60)
        now = await samples(client)
        assert now["petal_messages_total", "rejected", "sum", "sealed_box"] == 1
        assert now["petal_messages_total", "rejected", "sum", "replayed"] == 1
        assert now["petal_round_failures_total", "update", "timeout"] == 1


async def test_metrics_of_requests_and_of_the_process():
    async with served() as coordinator, httpx.AsyncClient(base_url=coordinator.url) as client:
        await client.get("/params")
        await client.get("/nowhere/1")
        await client.get("/nowhere/2")
        await client.get("/params", headers={"if-none-match": "*"})
        lag = coordinator.app.state.onlookers.metrics.loop_lag
        await coordinator.until(lambda: lag._sum.get() > 0, "a beat of the loop")
        now = await samples(client)
        assert now["petal_event_loop_lag_seconds_count",] > 0
        assert now["petal_request_seconds_count", "GET", "/params", "200"] == 2
        # One series for all addresses that lead nowhere: strangers choose these.
        assert now["petal_request_seconds_count", "GET", "none", "404"] == 2
        assert now["process_resident_memory_bytes",] > 10e6


async def test_open_metrics_for_who_asks():
    async with asking() as (_, client):
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        answer = await client.get("/metrics", headers=accept)
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")


async def test_metrics_can_be_turned_off():
    async with asking(small_settings(metrics={"enable": False})) as (_, client):
        assert (await client.get("/metrics")).status_code == 404
        assert (await client.get("/healthz")).status_code == 200


async def test_the_description_has_every_route_and_no_other():
    described = json.loads(DOCUMENT.body)["paths"]
    async with asking(small_settings(web={"enable": True})) as (coordinator, _):
        served_paths = {
            (re.sub(":path", "", route.path), method.lower())
            for route in coordinator.app.routes
            for method in route.methods - {"HEAD"}
        }
    assert {(path, method) for path, item in described.items() for method in item} == served_paths


async def test_the_description_is_served_for_tools_and_for_people():
    async with asking() as (_, client):
        tools, people = await client.get("/openapi.json"), await client.get("/api")
        assert tools.json()["openapi"] == "3.1.0"
        assert "POST /message" in people.text
        for answer in (tools, people):
            again = await client.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
            assert again.status_code == 304


async def test_the_page_allows_nothing_but_its_own_style():
    async with asking() as (_, client):
        page = await client.get("/api")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert not re.search(r"<script|<link|<img|\bon\w+=|style=|https?://", page.text)


async def test_every_get_says_how_long_its_answer_is_good():
    async with asking() as (coordinator, client):
        for route in coordinator.app.routes:
            if "GET" in route.methods and route.path != "/events":
                answer = await client.get(route.path, params={"pk": "A" * 43 + "="})
                kept = answer.headers["cache-control"]
                assert kept in ("no-cache", "no-store"), route.path
                has_tag = "etag" in answer.headers or answer.status_code == 204
                assert has_tag == (kept == "no-cache"), route.path


def metrics_in(path):
    """The families that a text names, by their samples too."""
    names = re.findall(r"\bpetal_\w+\b", path.read_text(encoding="utf-8"))
    return {re.sub("(?<!param)_(total|sum|count|bucket)$", "", name) for name in names}


async def test_every_metric_is_documented_and_on_the_dashboard():
    async with asking() as (_, client):
        answer = await client.get("/metrics")
    served = {family.name for family in text_string_to_metric_families(answer.text)}
    ours = {name for name in served if name.startswith("petal_")}
    assert metrics_in(MONITORING) == ours
    constant = {"petal_round_param_sum", "petal_round_param_update", "petal_model_length"}
    assert metrics_in(DASHBOARD) == ours - constant


def test_the_dashboard_is_one_that_grafana_reads():
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    taken = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken)), "panels overlap"
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
