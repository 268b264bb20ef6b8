"""The rows of the durable store: small messages a second, and what 200 rounds leave behind."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from petal.crypto import seal
from petal.round import Role, RoundParameters, sign_tasks
from petal.wire import Chunk, SumPayload, Tag, decode_params, sign_message

from .measure import Line, Reading, Target, limit
from .scale import Run
from .server import Server, settings
from .traffic import Traffic, with_role

CONNECTIONS = 32
MESSAGES = 400
ROUNDS = 200
_WEIGHTS = 10_000
_PART = 4096 - 48 - 136 - 8
"""Bytes of data in a part as Xaynet's client sends it."""


def messages(run: Run) -> list[Line]:
    """Small messages a second over HTTP, each kept on the disk before it is answered."""
    count = MESSAGES if run.scale.name != "tiny" else 20
    turns = run.scale.repeats
    everything = count * (turns + 1)
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with _server("sqlite", everything) as durable, _server("memory", everything) as memory:
        for kind, make in KINDS.items():
            for turn in range(turns + 1):
                for server in (durable, memory):
                    run.tell(f"{kind}, {f'{turn} of {turns}' if turn else 'warming up'}")
                    bodies = make(_params(server.url), count)
                    rate = count / asyncio.run(_post_all(server.url, bodies))
                    if turn:
                        rates[kind].append(rate if server is durable else -rate)
    return [_line(run, kind, found) for kind, found in rates.items()]


def _line(run: Run, kind: str, found: list[float]) -> Line:
    ours = Reading(f"{kind}, on the disk when answered", _only(found, 1), "/s", "median")
    beside = Reading("the same, in memory only", _only(found, -1), "/s", "median")
    wanted = run.scale.target(500)
    return Line("messages", ours, (limit(ours, beside),), wanted and Target(at_least=wanted))


def _only(found: list[float], sign: int) -> tuple[float, ...]:
    return tuple(rate * sign for rate in found if rate * sign > 0)


def _server(kind: str, most: int) -> Server:
    # The sum phase takes them all and goes on: nothing but messages is measured.
    chosen = settings(_WEIGHTS, sums=10 * most, updates=3, storage={"kind": kind})
    return Server(chosen | {"limits": {"requests_per_address": 1_000_000}})


def _registrations(params: RoundParameters, count: int) -> list[bytes]:
    """Sum messages, each of another participant: 376 bytes."""
    made = []
    for keys, _ in zip(with_role(params, Role.SUM), range(count), strict=False):
        payload = SumPayload(sign_tasks(keys, params).sum_signature, keys.public)
        made.append(sign_message(keys, params.coordinator_pk, Tag.SUM, payload.to_bytes()))
    return [seal(params.coordinator_pk, message) for message in made]


def _parts(params: RoundParameters, count: int) -> list[bytes]:
    """The first parts of long messages, four of each: 4 kB."""
    made = []
    for keys, number in zip(with_role(params, Role.SUM), range(0, count, 4), strict=False):
        for chunk_id in range(min(4, count - number)):
            data = Chunk(chunk_id, number % 2**16, False, os.urandom(_PART)).to_bytes()
            made.append(sign_message(keys, params.coordinator_pk, Tag.SUM, data, multipart=True))
    random.shuffle(made)
    return [seal(params.coordinator_pk, message) for message in made]


def _params(url: str) -> RoundParameters:
    return decode_params(httpx.get(f"{url}/params").content)


KINDS = {"registrations of 376 B": _registrations, "parts of 4 kB": _parts}


async def _post_all(url: str, bodies: list[bytes]) -> float:
    """Seconds until all are accepted or kept, on connections that stay open."""
    waiting, address = list(bodies), urlsplit(url)

    async def post() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while waiting:
            body = waiting.pop()
            head = f"POST /message HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Accept: application/json\r\n\r\n".encode() + body)
            await _expect_taken(reader)
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    await asyncio.gather(*(post() for _ in range(CONNECTIONS)))
    return time.perf_counter() - begun


async def _expect_taken(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    receipt = await reader.readexactly(size)
    if not head.startswith(b"http/1.1 200") or b'"reason":null' not in receipt:
        raise RuntimeError(f"not every message was taken: {head!r} {receipt!r}")


def flat(run: Run) -> list[Line]:
    """What rounds 20 to 200 add to a real server's memory, and to its folder."""
    rounds = ROUNDS if run.scale.name != "tiny" else 6
    early, sizes = max(rounds // 10, 1), {}
    with tempfile.TemporaryDirectory(prefix="petal-bench-") as folder:
        # Few models are kept, so that early rounds have as many as late ones.
        storage = {"path": folder, "keep_models": 2}
        with (
            Server(settings(_WEIGHTS, sums=1, updates=3, storage=storage), False) as server,
            httpx.Client(base_url=server.url) as client,
        ):
            for number in range(1, rounds + 1):
                run.tell(f"round {number} of {rounds}")
                _play(client)
                if number in (early, rounds):
                    sizes[number] = server.resident(), _size(Path(folder))
    grown = [after - before for before, after in zip(sizes[early], sizes[rounds], strict=True)]
    names = f"memory that rounds {early} to {rounds} add", "files that they add"
    wanted = run.scale.target(4e6)
    target = wanted and Target(at_most=wanted)
    return [
        Line("flat", Reading(name, (float(max(size, 0)),), "B", "max"), (), target)
        for name, size in zip(names, grown, strict=True)
    ]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _play(client: httpx.Client) -> None:
    """One round of four participants."""
    params = client.get("/params").content
    traffic = Traffic(decode_params(params))
    client.post("/message", content=traffic.sum_message())
    _until(lambda: client.get("/sums").content)
    for body in traffic.updates(3):
        client.post("/message", content=body)
    _until(lambda: client.get("/status").json()["phase"] == "sum2")
    client.post("/message", content=traffic.sum2_message())
    _until(lambda: client.get("/params").content != params)


def _until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.002)


ROWS: dict[str, Callable[[Run], list[Line]]] = {"messages": messages, "flat": flat}
