"""The row of a real server while large updates arrive: does its event loop go on?"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

from petal.round import RoundParameters
from petal.wire import decode_params

from .measure import Line, Reading, Target, limit
from .scale import CORES, Run
from .server import Server, settings
from .traffic import Traffic

_HELD_UP = 0.020


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
    return _lines(run, server.lateness, idle.lateness["idle"], rate)


def _download(url: str, params: RoundParameters) -> None:
    """Wait for the next round, then take the model in both forms, as participants do."""
    while decode_params(_ask(url, "GET", "/params")) == params:
        time.sleep(0.05)
    with ThreadPoolExecutor(2 * CORES) as pool:
        accepts = ["application/x-npy", "application/octet-stream"] * CORES
        for model in pool.map(lambda accept: _ask(url, "GET", "/model", accept=accept), accepts):
            if not model:
                raise RuntimeError("the round ended without a global model")


def _lines(run: Run, lateness: dict, idle: dict, rate: float) -> list[Line]:
    size = f"{run.scale.weights:,} weights"
    judged = run.scale.target(1) is not None
    held_up = Target(at_most=_HELD_UP) if judged else None
    rest = max(phase["max"] for name, phase in lateness.items() if name != "update")

    def line(name: str, seconds: float, statistic: str) -> Line:
        beside = Reading("an idle event loop meanwhile", (idle[statistic],), "s", statistic)
        ours = Reading(name, (seconds,), "s", statistic)
        return Line("stall", ours, (limit(ours, beside),), held_up)

    http = Reading(f"updates of {size} over HTTP", (rate,), "/s")
    late = lateness["update"]
    return [
        Line("stall", http, (), Target(at_least=20) if judged else None),
        line("meanwhile the event loop is held up, 99.9 %", late["p99.9"], "p99.9"),
        line("meanwhile the event loop is held up, longest", late["max"], "max"),
        line(f"longest in the rest of that round of {size}", rest, "max"),
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


ROWS: dict[str, Callable[[Run], list[Line]]] = {"stall": stall}
