"""Tokens on the participant's side: brought only where asked for, renewed, missed early."""

import asyncio

import pytest

from petal.client.driver import drive
from petal.client.enrolment import ADVICE, Enrolment
from petal.client.transport import Response
from petal.crypto import SigningKeyPair
from petal.errors import EnrolmentError
from petal.participant import Delivered, Unavailable
from petal.wire import EnrolmentToken

from ..participant.world import machine, weights_of
from .test_driver import InProcess, quick, updating

AUTHORITY = SigningKeyPair.from_seed(b"a" * 32)
NOW = 1_000_000.0
PK = machine(1).public_key


def token(expires=NOW + 1000, pk=PK):
    return str(EnrolmentToken.issue(AUTHORITY, pk, int(expires)))


class Asking(InProcess):
    """A coordinator that asks for tokens and takes those in `good`."""

    def __init__(self, world, good=(), reason="enrolment_expired"):
        super().__init__(world)
        self.good, self.reason, self.asks, self.refused = set(good), reason, True, 0

    async def fetch(self, method, path, headers, body, limit):
        sent = headers.get("petal-enrolment")
        if method == "POST" and sent not in self.good:
            self.requests.append((method, path, dict(headers)))
            self.refused += 1
            reason = self.reason if sent else "not_enrolled"
            return Response(200, {}, b'{"outcome": "rejected", "reason": "%s"}' % reason.encode())
        answer = await super().fetch(method, path, headers, body, limit)
        asks = {"petal-admission": "enrolment"} if self.asks and path == "params" else {}
        return Response(answer.status, {**answer.headers, **asks}, answer.body)


class Trainings:
    def __init__(self):
        self.count = 0

    async def __call__(self, _model, params):
        self.count += 1
        return weights_of(1, params)


def play(transport, source, trainer=None):
    """Take part until the update is delivered; all notices."""
    notices = []

    async def main():
        task = asyncio.current_task()

        def observe(notice):
            notices.append(notice)
            if isinstance(notice, Delivered):
                task.cancel()

        made = machine(1)
        enrolment = Enrolment(source, made.public_key, lambda: NOW)
        trainer_ = trainer or Trainings()
        await drive(made, transport, trainer_, observe, sleep=quick, enrolment=enrolment)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    return notices


def test_a_token_goes_with_every_message():
    transport = Asking(updating(), [token()])
    play(transport, token())
    posts = [headers for method, _, headers in transport.requests if method == "POST"]
    gets = [headers for method, _, headers in transport.requests if method == "GET"]
    assert posts
    assert all(headers["petal-enrolment"] == token() for headers in posts)
    assert not any("petal-enrolment" in headers for headers in gets)
    assert len(transport.world.updates) == 1


def test_a_coordinator_that_does_not_ask_is_told_nothing():
    transport = Asking(updating())
    transport.asks, transport.good = False, {None}
    play(transport, token())
    assert not any("petal-enrolment" in headers for _, _, headers in transport.requests)


def test_without_a_token_nothing_is_trained():
    trainings = Trainings()
    with pytest.raises(EnrolmentError) as caught:
        play(Asking(updating()), None, trainings)
    assert trainings.count == 0
    assert ADVICE["not_enrolled"] in str(caught.value)
    assert PK.hex() in str(caught.value)


async def _later(public_key):
    assert public_key == PK
    await asyncio.sleep(0)
    return token()


@pytest.mark.parametrize("source", [lambda pk: token(pk=pk), _later], ids=["plain", "coroutine"])
def test_a_token_from_a_function(source):
    transport = Asking(updating(), [token()])
    play(transport, source)
    assert transport.refused == 0


def test_a_function_is_asked_once_while_its_token_lasts():
    asked = []

    def source(pk):
        asked.append(pk)
        return token()

    play(Asking(updating(), [token()]), source)
    assert asked == [PK]


def test_a_function_that_has_none():
    with pytest.raises(EnrolmentError, match="does not admit this participant"):
        play(Asking(updating()), lambda _pk: None)


def test_a_backend_that_is_away_is_waited_for():
    answers = [OSError("the backend is down"), OSError("still down"), token()]
    trainings = Trainings()

    def source(_pk):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            assert trainings.count == 0
            raise answer
        return answer

    notices = play(Asking(updating(), [token()]), source, trainings)
    told = [str(notice) for notice in notices if isinstance(notice, Unavailable)]
    assert len(told) == 2
    assert "no enrolment token can be had: the backend is down" in told[0]


@pytest.mark.parametrize(("valid", "renewed"), [(30, 15), (1000, 940)])
def test_a_token_about_to_expire_is_renewed(valid, renewed):
    tokens, now = [token(NOW + valid), token(NOW + 5000)], [NOW]
    enrolment = Enrolment(lambda _pk: tokens.pop(0), PK, lambda: now[0])

    async def look():
        first, second = tokens
        for seconds, wanted in ((0, first), (renewed - 1, first), (renewed, second)):
            now[0] = NOW + seconds
            await enrolment.prepare({"petal-admission": "enrolment"})
            assert enrolment.headers == {"petal-enrolment": wanted}

    asyncio.run(look())


def test_a_refused_token_is_renewed_and_the_message_sent_again():
    bad, good = token(NOW + 500), token(NOW + 600)
    tokens = [bad, good]
    transport = Asking(updating(), [good])
    play(transport, lambda _pk: tokens.pop(0))
    assert transport.refused == 1
    assert len(transport.world.updates) == 1


def test_a_question_that_is_lost_on_the_way_is_answered_all_the_same():
    transport = Asking(updating(), [token()])
    transport.asks = False
    play(transport, token())
    assert transport.refused == 1
    assert len(transport.world.updates) == 1


def test_a_function_that_gives_refused_tokens_is_not_asked_for_ever():
    expires = iter(range(int(NOW) + 500, int(NOW) + 600))
    transport = Asking(updating(), reason="enrolment_signature")
    with pytest.raises(EnrolmentError, match="an authority that it does not trust"):
        play(transport, lambda _pk: token(next(expires)))
    assert transport.refused == 2


def test_a_fixed_token_that_is_refused_ends_it():
    transport = Asking(updating(), reason="enrolment_revoked")
    with pytest.raises(EnrolmentError, match="enrolment was revoked"):
        play(transport, token())
    assert transport.refused == 1


def test_an_expired_token_ends_it_before_training():
    trainings = Trainings()
    with pytest.raises(EnrolmentError, match="expired at 1970-01-12 13:46 UTC by this clock"):
        play(Asking(updating()), token(NOW), trainings)
    assert trainings.count == 0


def test_what_is_no_token_of_this_participant_is_refused_at_once():
    for bad, wanted in (
        ("nonsense", "that is no enrolment token"),
        (token(pk=b"o" * 32), f"another public key, {(b'o' * 32).hex()}"),
    ):
        with pytest.raises(EnrolmentError, match=wanted):
            Enrolment(bad, PK)
        with pytest.raises(EnrolmentError, match=wanted):
            play(Asking(updating()), lambda _pk, bad=bad: bad)


def test_every_reason_of_the_coordinator_has_advice():
    from petal_server.outcome import Reason

    enrolment = {reason.value for reason in Reason if "enrol" in reason.value}
    assert set(ADVICE) == enrolment
