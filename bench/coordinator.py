"""Rows of the coordinator: one update's way into the sum, alone and over HTTP."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np
from nacl import bindings
from starlette.applications import Starlette

from petal.crypto import EncryptionKeyPair
from petal.mask import Aggregation
from petal.round import Role, RoundParameters
from petal.wire import Message, Tag, decode_params, parse_payload
from petal_server import logs
from petal_server.app import create_app
from petal_server.outcome import Outcome
from petal_server.phases import PhaseName
from petal_server.settings import LogSettings, Settings

from .measure import Line, Reading, Target, limit, side_by_side, timed
from .scale import CONFIG, Run
from .server import Server, settings
from .traffic import Traffic, with_role

CORES = 2
_BATCH = 8
_HELD_UP = 0.020


def update(run: Run) -> list[Line]:
    """Parse an opened update, check every element, add it to the sum."""
    length = run.scale.weights
    params = RoundParameters(
        EncryptionKeyPair.generate().public, 0.5, 1.0, bytes(32), CONFIG, length
    )
    body = Traffic(params).update_payload(next(with_role(params, Role.UPDATE))).to_bytes()
    total = Aggregation(CONFIG, length)
    model = parse_payload(Tag.UPDATE, body).masked_model
    source, target = np.ones(length, np.uint64), np.zeros(length, np.uint64)
    size = f"{length:,} weights"
    parse, check = f"parse an update of {size}", f"check its {length:,} elements"
    add = f"add them to the sum (checked once more), {size}"
    copied, added = "numpy copies as many", "numpy adds as many"
    found = side_by_side(
        run.scale.repeats,
        run.tell,
        {
            parse: timed(lambda: parse_payload(Tag.UPDATE, body)),
            check: timed(lambda: total.validate(model)),
            add: timed(lambda: total.add(model)),
            copied: timed(lambda: np.copyto(target, source)),
            added: timed(lambda: np.add(target, source, out=target)),
        },
    )
    return [
        Line("update", found[parse], (limit(found[parse], found[copied]),)),
        Line("update", found[check], (limit(found[check], found[copied]),)),
        Line("update", found[add], (limit(found[add], found[added]),)),
    ]


def intake(run: Run) -> list[Line]:
    """The coordinator's whole path, open to add, in updates a second; and libsodium's share."""
    return asyncio.run(_intake(run))


async def _intake(run: Run) -> list[Line]:
    length, batch = run.scale.weights, min(_BATCH, run.scale.updates)
    turns = run.scale.repeats
    logs.configure(LogSettings(filter="warn"))
    app = create_app(Settings(**settings(length, sums=1, updates=batch * (turns + 1))))
    ours, sodium = [], []
    async with app.router.lifespan_context(app):
        traffic = Traffic(app.state.context.state.params)
        await _receive(app, [traffic.sum_message()])
        while app.state.context.phase is not PhaseName.UPDATE:  # noqa: ASYNC110, no event tells
            await asyncio.sleep(0.001)
        for turn in range(turns + 1):
            run.tell(f"{batch} updates, {f'{turn} of {turns}' if turn else 'warming up'}")
            bodies = traffic.updates(batch)
            alone = _sodium_alone(app.state.context.state.keys, bodies)
            seconds = await _receive(app, bodies)
            if turn:
                ours.append(batch / seconds)
                sodium.append(batch / alone)
    name = f"open, verify, parse, check and add updates of {length:,} weights"
    whole = Reading(name, tuple(ours), "/s")
    part = Reading(f"libsodium's part alone, {CORES} threads", tuple(sodium), "/s")
    target = Target(at_least=20) if length >= 1_000_000 else None
    return [Line("intake", whole, (limit(whole, part),), target)]


async def _receive(app: Starlette, bodies: list[bytes]) -> float:
    """Seconds until the coordinator has accepted all of these, which come at once."""
    begun = time.perf_counter()
    receipts = await asyncio.gather(*map(app.state.intake.receive, bodies))
    seconds = time.perf_counter() - begun
    if {receipt.outcome for receipt in receipts} != {Outcome.ACCEPTED}:
        raise RuntimeError(f"not every message was accepted: {receipts}")
    return seconds


def _sodium_alone(keys: EncryptionKeyPair, bodies: list[bytes]) -> float:
    """Seconds for what nothing can do without: opening the boxes, verifying the signatures."""

    def open_and_verify(body: bytes) -> None:
        opened = bindings.crypto_box_seal_open(body, keys.public, keys.secret)
        bindings.crypto_sign_open(opened, Message.from_bytes(opened).participant_pk)

    with ThreadPoolExecutor(CORES) as pool:
        begun = time.perf_counter()
        list(pool.map(open_and_verify, bodies))
        return time.perf_counter() - begun


def stall(run: Run) -> list[Line]:
    """How long a real server's event loop is held up, and its updates a second over HTTP."""
    length, count = run.scale.weights, run.scale.updates
    with Server(None) as idle, Server(settings(length, sums=1, updates=count)) as server:
        run.tell("making messages")
        params = decode_params(_ask(server.url, "GET", "/params"))
        traffic = Traffic(params)
        _ask(server.url, "POST", "/message", traffic.sum_message())
        while not _ask(server.url, "GET", "/sums"):
            time.sleep(0.01)
        bodies = traffic.updates(count)
        run.tell(f"{count} updates over HTTP")
        with ThreadPoolExecutor(2 * CORES) as pool:
            begun = time.perf_counter()
            list(pool.map(lambda body: _ask(server.url, "POST", "/message", body), bodies))
            rate = count / (time.perf_counter() - begun)
        run.tell("the rest of the round")
        _ask(server.url, "POST", "/message", traffic.sum2_message())
        _download(server.url, params)
    return _stall_lines(server.lateness, idle.lateness["idle"], rate, length)


def _download(url: str, params: RoundParameters) -> None:
    """Wait for the next round, then take the model in both forms, as participants do."""
    while decode_params(_ask(url, "GET", "/params")) == params:
        time.sleep(0.05)
    with ThreadPoolExecutor(2 * CORES) as pool:
        accepts = ["application/x-npy", "application/octet-stream"] * CORES
        for model in pool.map(lambda accept: _ask(url, "GET", "/model", accept=accept), accepts):
            if not model:
                raise RuntimeError("the round ended without a global model")


def _stall_lines(lateness: dict, idle: dict, rate: float, length: int) -> list[Line]:
    large = length >= 1_000_000
    held_up = Target(at_most=_HELD_UP) if large else None
    arriving = f"while updates of {length:,} weights arrive"
    rest = max(phase["max"] for name, phase in lateness.items() if name != "update")

    def line(name: str, seconds: float, statistic: str) -> Line:
        beside = Reading("an idle event loop beside it", (idle[statistic],), "s", statistic)
        ours = Reading(name, (seconds,), "s", statistic)
        return Line("stall", ours, (limit(ours, beside),), held_up)

    http = Reading(f"updates over HTTP, {length:,} weights", (rate,), "/s")
    late = lateness["update"]
    return [
        Line("stall", http, (), Target(at_least=20) if large else None),
        line(f"event loop held up, 99.9 %, {arriving}", late["p99.9"], "p99.9"),
        line(f"the longest {arriving}", late["max"], "max"),
        line("the longest in the rest of the round", rest, "max"),
    ]


def _ask(url: str, method: str, path: str, body: bytes | None = None, accept: str = "*/*") -> bytes:
    """One request on a connection of its own; RuntimeError unless it is answered well."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=120)
    try:
        connection.request(method, path, body, {"accept": accept})
        answer = connection.getresponse()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{method} {path} was answered with {answer.status}")
        return answer.read()
    finally:
        connection.close()


ROWS: dict[str, Callable[[Run], list[Line]]] = {"update": update, "intake": intake, "stall": stall}
