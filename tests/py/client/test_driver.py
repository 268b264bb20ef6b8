"""The loop between machine and network, over a transport without a network."""

import asyncio
import random
import threading
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from petal.client.driver import drive
from petal.client.transport import Response
from petal.errors import TransportError
from petal.participant import (
    Fetch,
    GlobalModel,
    Post,
    State,
    Train,
    Trained,
    TrainingDeferred,
    Unavailable,
    Warning,
)

from ..participant.world import Coordinator, machine, params_for, weights_of


class InProcess:
    """The coordinator of the machine's own tests as a transport."""

    def __init__(self, world):
        self.world, self.requests, self.down = world, [], False

    async def fetch(self, method, path, headers, body, limit):
        self.requests.append((method, path, dict(headers)))
        await asyncio.sleep(0)
        if self.down:
            raise TransportError("connection refused")
        if method == "POST":
            posted = self.world.posted(Post(body, 0, 1))
            outcome = f'{{"outcome": "{posted.receipt.outcome}", "reason": "because"}}'
            return Response(posted.status, {}, outcome.encode())
        parts = urlsplit(path)
        fetched = self.world.fetched(Fetch(parts.path, limit, tuple(parse_qsl(parts.query))))
        return Response(fetched.status, {}, fetched.body)


async def quick(_seconds):
    await asyncio.sleep(0)


def run(world, trainer, until, *, number=1, transport=None):
    """Drive one participant until a notice of which `until` is true; all notices so far."""
    notices, transport = [], transport or InProcess(world)
    made = machine(number)

    async def main():
        task = asyncio.current_task()

        def observe(notice):
            notices.append(notice)
            if until(notice):
                task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await drive(made, transport, trainer, observe, sleep=quick)

    asyncio.run(main())
    return notices, made


def updating():
    world = Coordinator()
    world.params = params_for(world, "update")
    world.phase = "update"
    return world


def good(model, params):
    return weights_of(1, params)


async def good_coroutine(model, params):
    return weights_of(1, params)


@pytest.mark.parametrize(
    "trainer",
    [
        good,
        good_coroutine,
        lambda model, params: good_coroutine(model, params),
        lambda model, params: (weights_of(1, params), 0.5),
        lambda model, params: Trained(weights_of(1, params), 0.5),
    ],
)
def test_training_functions_of_every_kind(trainer):
    world = updating()
    run(world, trainer, lambda n: "update message accepted" in str(n))
    assert len(world.updates) == 1


def test_a_plain_training_function_runs_in_a_thread():
    threads = []

    def train(model, params):
        threads.append(threading.current_thread())
        return weights_of(1, params)

    run(updating(), train, lambda n: "update message accepted" in str(n))
    assert threads[0] is not threading.main_thread()
    assert threads[0].daemon, "Ctrl-C must not wait for a long training"


def test_training_that_raises_is_logged_and_told(caplog):
    def train(model, params):
        raise ValueError("no data in this tab")

    notices, made = run(updating(), train, lambda n: isinstance(n, Warning))
    assert any("training failed: ValueError: no data in this tab" in str(n) for n in notices)
    assert "Traceback" in caplog.text
    assert made.state is State.AWAITING_ROUND


def test_training_whose_data_has_run_out_is_told(caplog):
    """No future holds a StopIteration: the participant hung for ever."""
    batches = iter([])

    def train(model, params):
        return next(batches)

    told = []

    async def main():
        def observe(notice):
            told.append(str(notice))
            if isinstance(notice, Warning):
                raise KeyError("enough")

        work = drive(machine(1), InProcess(updating()), train, observe, sleep=quick)
        with pytest.raises(KeyError):
            await asyncio.wait_for(work, 10)

    asyncio.run(main())
    assert "training failed: RuntimeError: train raised StopIteration: next() found" in told[-1]
    assert "return next(batches)" in caplog.text


def test_training_that_returns_nothing_sits_the_round_out():
    notices, _ = run(updating(), lambda m, p: None, lambda n: isinstance(n, Warning))
    assert any("returned no model" in str(n) for n in notices)


def test_training_that_is_deferred_is_asked_again():
    answers = [TrainingDeferred(), TrainingDeferred()]

    def train(model, params):
        return answers.pop() if answers else weights_of(1, params)

    world = updating()
    run(world, train, lambda n: "update message accepted" in str(n))
    assert len(world.updates) == 1


def test_headers_ask_for_receipts_and_npy():
    world, transport = updating(), None
    world.model = np.zeros(5, np.float32)
    transport = InProcess(world)
    notices, _ = run(
        world, good, lambda n: "update message accepted" in str(n), transport=transport
    )
    asked = {path: headers["accept"] for _, path, headers in transport.requests}
    assert asked["message"] == "application/json"
    assert asked["model"].startswith("application/x-npy")
    assert any(isinstance(n, GlobalModel) and n.weights is not None for n in notices)


def test_the_seeds_query_is_encoded():
    world = Coordinator()
    world.params = params_for(world, "sum")
    transport = InProcess(world)

    def until(notice):
        if "sum message accepted" in str(notice):
            world.next_phase()
            world.next_phase()
        return "sum2 message" in str(notice)

    for number in range(30):  # until a key whose base64 has a character that needs encoding
        run(world, good, until, number=number, transport=transport)
        (path,) = {path for _, path, _ in transport.requests if path.startswith("seeds")}
        if "%2B" in path or "%2F" in path:
            break
        world.new_round()
        world.params = params_for(world, "sum")
        transport.requests.clear()
    assert "+" not in path
    assert "/" not in path


def test_a_coordinator_that_is_down_is_waited_for():
    world = updating()
    transport = InProcess(world)
    transport.down = True

    def until(notice):
        if isinstance(notice, Unavailable) and notice.attempt == 3:
            transport.down = False
        return "update message accepted" in str(notice)

    notices, _ = run(world, good, until, transport=transport)
    assert "connection refused" in str(next(n for n in notices if isinstance(n, Unavailable)))
    assert len(world.updates) == 1


def test_an_error_in_the_observer_is_not_swallowed():
    async def main():
        def observe(notice):
            raise KeyError("a bug of the page")

        await drive(machine(1), InProcess(updating()), good, observe)

    with pytest.raises(KeyError):
        asyncio.run(main())


def test_it_ends_when_the_rounds_are_over():
    world = updating()
    made = machine(1, rounds=1)

    async def main():
        def observe(notice):
            if "update message" in str(notice):
                world.new_round()

        await drive(made, InProcess(world), good, observe, sleep=quick)

    asyncio.run(main())
    assert made.state is State.FINISHED


def test_cancelled_in_training_it_can_be_saved_and_goes_on():
    world, never = updating(), threading.Event()
    made = machine(1)

    async def main():
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        def slow(model, params):
            loop.call_soon_threadsafe(started.set)
            never.wait(30)

        task = asyncio.create_task(drive(made, InProcess(world), slow, sleep=quick))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    never.set()
    restored = type(made).restore(made.save(), random=random.randbytes)
    assert restored.state is State.TRAINING


def test_before_is_awaited_ahead_of_each_request_and_may_end_it():
    world, made, saved = updating(), machine(1), []

    class Enough(Exception):
        pass

    async def before(request):
        await asyncio.sleep(0)
        saved.append((type(request), made.save(), len(world.sealed)))
        if isinstance(request, Post):
            raise Enough

    with pytest.raises(Enough):
        asyncio.run(drive(made, InProcess(world), good, before=before, sleep=quick))
    kinds = [kind for kind, _, _ in saved]
    assert kinds[-1] is Post
    assert Train in kinds
    assert saved[-1][2] == 0, "nothing had left when it was written down"
    restored = type(made).restore(saved[-1][1], random=random.randbytes)
    assert restored.state is State.SENDING_UPDATE


class Keeping(InProcess):
    """A coordinator that says how it keeps questions open."""

    def __init__(self, world, etag='"one"', offered="20"):
        super().__init__(world)
        self.told = {"etag": etag, "petal-wait": offered}

    async def fetch(self, method, path, headers, body, limit):
        answer = await super().fetch(method, path, headers, body, limit)
        if headers.get("if-none-match"):
            return Response(304, self.told, b"")
        return Response(answer.status, self.told, answer.body)


def looks_of(transport, number=40):
    """The headers of the looks at the parameters by somebody who has no part in the round."""
    world = transport.world
    world.params = params_for(world, "none")

    async def main():
        async def enough(_seconds):
            await asyncio.sleep(0)
            if len(transport.requests) > number:
                raise asyncio.CancelledError

        await drive(machine(1), transport, good, sleep=enough)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    return [headers for _, path, headers in transport.requests if path == "params"]


def test_questions_that_may_be_kept_open_say_for_how_long_and_what_is_known():
    looks = looks_of(Keeping(Coordinator()))
    assert "prefer" not in looks[0]
    assert len(looks) > 20
    for headers in looks[1:]:
        assert headers["if-none-match"] == '"one"'
        assert 15 <= int(headers["prefer"].removeprefix("wait=")) <= 20


@pytest.mark.parametrize(
    ("etag", "offered"),
    [
        ('"one"', "soon"),
        ('"one"', "-20"),
        ('"one"', "2e1"),
        ('"one"', "٢٠"),
        ("one", "20"),
        ('"o\u00e9"', "20"),
        ('"' + "x" * 200 + '"', "20"),
        ('"a" "b"', "20"),
    ],
)
def test_headers_that_are_no_offer_are_none(etag, offered):
    looks = looks_of(Keeping(Coordinator(), etag, offered))
    assert not any("prefer" in headers or "if-none-match" in headers for headers in looks)
