"""The HTTP side: Xaynet's answers as they are, and ours for who asks for more."""

import base64
import io
import json
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest

from petal.wire import decode_dictionary, decode_model, decode_params
from petal_server.sizes import largest_message

from .harness import running, small_settings
from .members import summers

pytestmark = pytest.mark.anyio

JSON = {"accept": "application/json"}
NPY = {"accept": "application/x-npy"}


@asynccontextmanager
async def serving(settings=None):
    async with running(settings) as coordinator:
        transport = httpx.ASGITransport(coordinator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield coordinator, client


def pk_query(pk):
    return {"pk": base64.b64encode(pk).decode()}


async def test_params():
    async with serving() as (coordinator, client):
        answer = await client.get("/params")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert len(answer.content) == 136
        assert decode_params(answer.content) == coordinator.ctx.state.params


async def test_what_is_not_there_yet_is_204():
    async with serving() as (_, client):
        for path in ("/sums", f"/seeds?pk={base64.b64encode(bytes(32)).decode()}", "/model"):
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (204, b"")


async def test_the_sum_dictionary_in_update_and_sum2():
    async with serving() as (coordinator, client):
        sums = await coordinator.to_update(2)
        answer = await client.get("/sums")
        wanted = {member.pk: member.ephemeral.public for member in sums}
        assert decode_dictionary(answer.content, 32) == wanted


async def test_seeds_are_for_sum_participants():
    async with serving() as (coordinator, client):
        (member,) = await coordinator.to_sum2()
        answer = await client.get("/seeds", params=pk_query(member.pk))
        assert decode_dictionary(answer.content, 80) == coordinator.seeds_of(member.pk)
        assert (await client.get("/sums")).status_code == 200
        stranger = await client.get("/seeds", params=pk_query(bytes(32)))
        assert stranger.status_code == 204


async def test_a_plus_in_a_key_may_come_bare():
    async with serving() as (_, client):
        pk = base64.b64encode(b"\xfb\xef\xbe" * 10 + b"xx").decode()
        assert "+" in pk
        assert (await client.get(f"/seeds?pk={pk}")).status_code == 204


@pytest.mark.parametrize("query", ["", "?pk=", "?pk=!!!!", "?pk=AAAA", "?other=1", "?pk=%ff"])
async def test_a_bad_key_is_400(query):
    async with serving() as (_, client):
        assert (await client.get(f"/seeds{query}")).status_code == 400


async def test_after_sum2_the_dictionaries_are_gone_and_the_model_is_there():
    async with serving() as (coordinator, client):
        (member,) = await coordinator.to_sum2()
        await coordinator.finish([member])
        assert (await client.get("/sums")).status_code == 204
        assert (await client.get("/seeds", params=pk_query(member.pk))).status_code == 204
        exact = await client.get("/model")
        array = await client.get("/model", headers=NPY)
        assert exact.headers["content-type"] == "application/octet-stream"
        assert array.headers["content-type"] == "application/x-npy"
        weights = np.load(io.BytesIO(array.content), allow_pickle=False)
        assert weights.dtype == np.float32
        assert weights.tolist() == [float(w) for w in decode_model(exact.content)] == [0.5] * 3


async def test_every_get_has_an_etag_that_answers_304():
    async with serving() as (coordinator, client):
        (member,) = await coordinator.to_sum2()
        await coordinator.finish([member])
        (member,) = await coordinator.to_sum2()
        for path, headers in (
            ("/params", {}),
            ("/sums", {}),
            (f"/seeds?pk={httpx.QueryParams(pk_query(member.pk))['pk']}", {}),
            ("/model", {}),
            ("/model", NPY),
            ("/status", {}),
        ):
            first = await client.get(path, headers=headers)
            assert first.status_code == 200, path
            known = {**headers, "if-none-match": f'"other", W/{first.headers["etag"]}'}
            again = await client.get(path, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert first.headers["cache-control"] == "no-cache"
            assert first.headers["x-content-type-options"] == "nosniff"


async def test_the_two_forms_of_the_model_have_their_own_etag():
    async with serving() as (coordinator, client):
        await coordinator.finish(await coordinator.to_sum2())
        exact, array = await client.get("/model"), await client.get("/model", headers=NPY)
        assert exact.headers["etag"] != array.headers["etag"]
        assert exact.headers["vary"] == array.headers["vary"] == "Accept"


async def test_an_etag_changes_with_the_round():
    async with serving() as (coordinator, client):
        first = await client.get("/params")
        await coordinator.finish(await coordinator.to_sum2())
        known = {"if-none-match": first.headers["etag"]}
        again = await client.get("/params", headers=known)
        assert again.status_code == 200
        assert again.content != first.content


async def test_xaynets_answer_to_a_message_tells_nothing():
    async with serving() as (coordinator, client):
        body = summers(coordinator.params, 1)[0].sum()
        for content in (body, body, b"noise"):
            answer = await client.post("/message", content=content)
            assert (answer.status_code, answer.content) == (200, b"")
            assert "content-type" not in answer.headers


async def test_a_receipt_for_who_asks():
    async with serving() as (coordinator, client):
        body = summers(coordinator.params, 1)[0].sum()
        receipts = [
            (await client.post("/message", content=content, headers=JSON)).json()
            for content in (body, body, b"noise")
        ]
        assert receipts == [
            {"outcome": "accepted", "reason": None},
            {"outcome": "rejected", "reason": "replayed"},
            {"outcome": "rejected", "reason": "sealed_box"},
        ]


async def test_too_long_a_body_is_413_with_or_without_a_length():
    async with serving() as (coordinator, client):
        size = largest_message(coordinator.settings)

        async def stream():
            for _ in range(4):
                yield bytes(size // 3)

        for content in (bytes(size + 1), stream()):
            answer = await client.post("/message", content=content, headers=JSON)
            assert answer.status_code == 413
            assert answer.json() == {"outcome": "rejected", "reason": "too_large"}
        answer = await client.post("/message", content=bytes(size + 1))
        assert (answer.status_code, answer.content) == (413, b"")
        answer = await client.post("/message", content=bytes(size), headers=JSON)
        assert answer.json()["reason"] == "sealed_box"


async def test_a_set_limit_is_the_limit():
    async with serving(small_settings(api={"max_message_size": 1024})) as (_, client):
        answers = [await client.post("/message", content=bytes(n)) for n in (1024, 1025)]
        assert [answer.status_code for answer in answers] == [200, 413]


async def test_status():
    async with serving() as (coordinator, client):
        assert (await client.get("/status")).json() == {
            "round_id": 1,
            "phase": "sum",
            "counts": {"sum": 0, "update": 0, "sum2": 0},
            "rejected": {"sum": 0, "update": 0, "sum2": 0},
            "discarded": {"sum": 0, "update": 0, "sum2": 0},
            "limits": {
                "sum": {"min": 1, "max": 2},
                "update": {"min": 3, "max": 4},
                "sum2": {"min": 1, "max": 2},
            },
            "admission": "open",
            "model_id": None,
            "last_failure": None,
        }
        sums = await coordinator.to_sum2()
        await client.post("/message", content=b"noise")
        now = (await client.get("/status")).json()
        assert now["phase"] == "sum2"
        assert now["counts"] == {"sum": 1, "update": 3, "sum2": 0}
        assert now["rejected"] == {"sum": 0, "update": 0, "sum2": 1}
        await coordinator.finish(sums)
        now = (await client.get("/status")).json()
        assert now["round_id"] == 2
        assert now["model_id"].startswith("1_")


async def test_other_methods_and_paths():
    async with serving() as (_, client):
        assert (await client.get("/message")).status_code == 405
        assert (await client.post("/params")).status_code == 405
        assert (await client.get("/nothing")).status_code == 404
        head = await client.head("/params")
        assert (head.status_code, head.content) == (200, b"")


async def test_other_origins_are_refused_unless_set():
    origin = {"origin": "https://app.example"}
    async with serving() as (_, client):
        answer = await client.get("/params", headers=origin)
        assert "access-control-allow-origin" not in answer.headers


async def test_set_origins_may_call():
    cors = {"cors": {"allow_origins": ["https://app.example"], "max_age": 77}}
    asks = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    async with serving(small_settings(api=cors)) as (_, client):
        answer = await client.options("/message", headers=asks)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert answer.headers["access-control-max-age"] == "77"
        answer = await client.get("/params", headers={"origin": "https://app.example"})
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "etag" in answer.headers["access-control-expose-headers"].lower()
        answer = await client.get("/params", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in answer.headers


async def test_without_its_files_the_page_says_what_to_do(tmp_path):
    async with serving(small_settings(web={"folder": tmp_path})) as (_, client):
        answer = await client.get("/")
        assert answer.status_code == 503
        assert str(tmp_path) in answer.text
        assert (await client.get("/params")).status_code == 200


async def test_the_status_etag_changes_with_the_phase():
    async with serving() as (coordinator, client):
        first = await client.get("/status")
        await coordinator.to_update()
        again = await client.get("/status", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 200
        assert json.loads(again.content)["phase"] == "update"
