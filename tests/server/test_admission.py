"""Participants with and without enrolment tokens before a coordinator that asks for them."""

from contextlib import asynccontextmanager

import httpx
import pytest

from petal.crypto import SigningKeyPair
from petal.wire import Chunk, EnrolmentToken, Tag
from petal.wire.enrolment import CONTEXT
from petal_server.admission import LEEWAY
from petal_server.config_file import ConfigError, load
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.revoked import Revoked

from .harness import ACCEPTED, running, small_settings
from .members import summers, updaters
from .over_sockets import served

pytestmark = pytest.mark.anyio

AUTHORITY = SigningKeyPair.from_seed(b"a" * 32)
SECOND = SigningKeyPair.from_seed(b"b" * 32)
PENDING = Receipt(Outcome.PENDING)


def settings(*authorities, **more):
    keys = [authority.public.hex() for authority in authorities or (AUTHORITY,)]
    return small_settings(admission={"public_keys": keys, **more})


def token(coordinator, pk, authority=AUTHORITY, valid=3600):
    return str(EnrolmentToken.issue(authority, pk, int(coordinator.clock.wall() + valid)))


async def send(coordinator, body, enrolment=None):
    return await coordinator.app.state.intake.receive(body, enrolment)


async def turned_away(coordinator, body, enrolment, reason):
    rejected = coordinator.counts(PhaseName.SUM)[1]
    assert await send(coordinator, body, enrolment) == Receipt(Outcome.REJECTED, reason)
    assert coordinator.counts(PhaseName.SUM) == (0, rejected + 1, 0)


@asynccontextmanager
async def asking(*authorities, **more):
    """A coordinator that asks for tokens, and a sum participant."""
    async with running(settings(*authorities, **more)) as coordinator:
        yield coordinator, summers(coordinator.params, 1)[0]


async def test_whoever_is_enrolled_takes_part():
    async with asking() as (coordinator, member):
        assert await send(coordinator, member.sum(), token(coordinator, member.pk)) == ACCEPTED


async def test_without_the_setting_nobody_needs_a_token():
    async with running() as coordinator:
        first, second = summers(coordinator.params, 2)
        assert await send(coordinator, first.sum()) == ACCEPTED
        assert await send(coordinator, second.sum(), "nonsense") == ACCEPTED


async def test_a_stranger_is_turned_away_by_name():
    async with asking() as (coordinator, member):
        for nothing in (None, ""):
            await turned_away(coordinator, member.sum(), nothing, Reason.NOT_ENROLLED)


@pytest.mark.parametrize("spoil", [lambda t: "x", lambda t: t[:-1], lambda t: f"{t},{t}"])
async def test_a_token_that_is_none(spoil):
    async with asking() as (coordinator, member):
        spoiled = spoil(token(coordinator, member.pk))
        await turned_away(coordinator, member.sum(), spoiled, Reason.ENROLMENT_MALFORMED)


async def test_somebody_elses_token():
    async with asking() as (coordinator, member):
        other = token(coordinator, b"o" * 32)
        await turned_away(coordinator, member.sum(), other, Reason.ENROLMENT_OF_ANOTHER)


async def test_another_authoritys_token():
    async with asking() as (coordinator, member):
        forged = token(coordinator, member.pk, SECOND)
        await turned_away(coordinator, member.sum(), forged, Reason.ENROLMENT_SIGNATURE)


async def test_a_signature_made_for_something_else():
    async with asking() as (coordinator, member):
        real = EnrolmentToken.parse(token(coordinator, member.pk))
        signed = b"\x01" + real.expires.to_bytes(8, "big") + member.pk
        bare = EnrolmentToken(member.pk, real.expires, AUTHORITY.sign(signed))
        await turned_away(coordinator, member.sum(), str(bare), Reason.ENROLMENT_SIGNATURE)
        bare = EnrolmentToken(member.pk, real.expires, AUTHORITY.sign(CONTEXT + signed))
        assert await send(coordinator, member.sum(), str(bare)) == ACCEPTED


async def test_a_token_is_good_until_it_expires_and_a_little_longer():
    async with asking() as (coordinator, member):
        mine = token(coordinator, member.pk, valid=-LEEWAY)
        await turned_away(coordinator, member.sum(), mine, Reason.ENROLMENT_EXPIRED)
        mine = token(coordinator, member.pk, valid=1 - LEEWAY)
        assert await send(coordinator, member.sum(), mine) == ACCEPTED


async def test_two_authorities_while_one_takes_over_from_the_other():
    async with asking(AUTHORITY, SECOND) as (coordinator, _):
        members = summers(coordinator.params, 2)
        for member, authority in zip(members, (AUTHORITY, SECOND), strict=True):
            mine = token(coordinator, member.pk, authority)
            assert await send(coordinator, member.sum(), mine) == ACCEPTED


async def test_every_part_of_a_message_carries_the_token():
    async with asking() as (coordinator, member):
        payload = member.sum_payload().to_bytes()
        parts = [
            member.sealed(member.signed(Tag.SUM, Chunk(n, 7, n == 1, data).to_bytes(), True))
            for n, data in enumerate((payload[:40], payload[40:]))
        ]
        mine = token(coordinator, member.pk)
        await turned_away(coordinator, parts[0], None, Reason.NOT_ENROLLED)
        assert coordinator.ctx.reassembly.messages == 0
        assert await send(coordinator, parts[0], mine) == PENDING
        await turned_away(coordinator, parts[1], None, Reason.NOT_ENROLLED)
        assert await send(coordinator, parts[1], mine) == ACCEPTED


async def test_only_who_proved_its_key_is_asked_for_a_token():
    async with asking() as (coordinator, member):
        body, mine = member.sum(), token(coordinator, member.pk)
        await turned_away(coordinator, body[:-1], mine, Reason.SEALED_BOX)
        early = updaters(coordinator.params, 1)[0]
        update = early.update({member.ephemeral.public: member.ephemeral.public})
        await turned_away(coordinator, update, None, Reason.WRONG_PHASE)


async def test_the_revoked_are_read_again_when_the_file_changes(tmp_path):
    path = tmp_path / "revoked.txt"
    path.write_text("# nobody yet\n")
    async with asking(revoked=str(path)) as (coordinator, _):
        first, second = summers(coordinator.params, 2)
        mine = token(coordinator, first.pk)
        path.write_text(f"# left in May\n\n{first.pk.hex().upper()}  # lost her phone\n")
        await turned_away(coordinator, first.sum(), mine, Reason.ENROLMENT_REVOKED)
        assert await send(coordinator, second.sum(), token(coordinator, second.pk)) == ACCEPTED
        path.write_text("")
        assert await send(coordinator, first.sum(), mine) == ACCEPTED


async def test_a_slip_in_the_file_lets_nobody_back_in_and_keeps_nobody_out(tmp_path, capsys):
    path, (bad, good) = tmp_path / "revoked.txt", (b"b" * 32, b"g" * 32)
    path.write_text(bad.hex())
    revoked = Revoked(path)
    for spoil in (lambda: path.write_text(f"{good.hex()}\nnonsense"), path.unlink):
        spoil()
        assert bad in revoked
        assert good not in revoked
    said = capsys.readouterr().out
    assert "line 2: a public key is 64 hexadecimal digits" in said
    assert said.count("the list before stays in force") == 2
    path.write_text(good.hex())
    assert bad not in revoked
    assert good in revoked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("public_keys = ['ab']", "admission.public_keys.0: a public key is 64 hexadecimal digits"),
        ("public_keys = ['" + "0" * 63 + " ']", "64 hexadecimal digits"),
        ("revoked = '{}'", "admission: revoked needs public_keys"),
        ("public_keys = ['" + "0" * 64 + "']\nrevoked = '{}'", "line 1: a public key is 64"),
        ("public_keys = ['" + "0" * 64 + "']\nrevoked = '/not/there'", "must be an existing file"),
    ],
)
def test_settings_that_admit_wrongly_are_refused(tmp_path, text, wanted):
    revoked, config = tmp_path / "revoked.txt", tmp_path / "config.toml"
    revoked.write_text("" if "needs" in wanted else "nonsense")
    config.write_text("[admission]\n" + text.replace("{}", str(revoked)))
    with pytest.raises(ConfigError, match=wanted):
        load(config)


async def test_keys_from_the_environment(monkeypatch):
    keys = f"{AUTHORITY.public.hex().upper()},{SECOND.public.hex()}"
    monkeypatch.setenv("PETAL__ADMISSION__PUBLIC_KEYS", keys)
    assert load().admission.public_keys == (AUTHORITY.public.hex(), SECOND.public.hex())


async def test_over_http_the_header_decides_and_the_parameters_say_so():
    async with served(settings()) as coordinator:
        member = summers(coordinator.params, 1)[0]
        mine = token(coordinator, member.pk)
        async with httpx.AsyncClient(base_url=coordinator.url) as client:
            params = await client.get("/params")
            again = {"if-none-match": params.headers["etag"]}
            for answer in (params, await client.get("/params", headers=again)):
                assert answer.headers["petal-admission"] == "enrolment"
            assert (await client.get("/status")).json()["admission"] == "enrolment"
            for sent, wanted in (
                ([], {"outcome": "rejected", "reason": "not_enrolled"}),
                ([mine, mine], {"outcome": "rejected", "reason": "enrolment_malformed"}),
                (["x" * 5000], {"outcome": "rejected", "reason": "enrolment_malformed"}),
                (["é"], {"outcome": "rejected", "reason": "enrolment_malformed"}),
                ([mine], {"outcome": "accepted", "reason": None}),
            ):
                headers = [("petal-enrolment", value.encode("latin-1")) for value in sent]
                answer = await client.post(
                    "/message",
                    content=member.sum(),
                    headers=[("accept", b"application/json"), *headers],
                )
                assert answer.json() == wanted
            # An official participant is told nothing, as ever.
            plain = await client.post("/message", content=member.sum())
            assert (plain.status_code, plain.content) == (200, b"")
            metrics = (await client.get("/metrics")).text
        counted = 'outcome="rejected",phase="sum",reason="enrolment_malformed"} 3.0'
        assert counted in metrics


async def test_pages_of_admitted_origins_may_send_and_read_the_headers():
    origin = {"origin": "https://app.example.org"}
    cors = {"cors": {"allow_origins": [origin["origin"]]}}
    admission = {"public_keys": [AUTHORITY.public.hex()]}
    async with (
        served(small_settings(api=cors, admission=admission)) as coordinator,
        httpx.AsyncClient(base_url=coordinator.url, headers=origin) as client,
    ):
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "petal-enrolment",
        }
        allowed = await client.options("/message", headers=asked)
        assert allowed.status_code == 200
        assert "petal-enrolment" in allowed.headers["access-control-allow-headers"].lower()
        params = await client.get("/params")
        assert "petal-admission" in params.headers["access-control-expose-headers"].lower()


async def test_tokens_stay_out_of_the_log(capsys):
    async with asking() as (coordinator, member):
        forged = token(coordinator, member.pk, SECOND)
        await turned_away(coordinator, member.sum(), forged, Reason.ENROLMENT_SIGNATURE)
    said = capsys.readouterr().out
    assert "enrolment_signature" in said
    assert forged not in said
