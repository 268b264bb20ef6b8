"""A coordinator in a process of its own, with a heart that beats in its event loop.

`python -m bench.server '{"model": {"length": 1000}}'` (settings as JSON) prints the address it
listens on, serves until its standard input ends, and then prints how late the beats came. With
`null` for settings it serves nothing: how late its beats come is what the machine does to any
event loop meanwhile.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from petal_server import http_server, logs
from petal_server.app import create_app
from petal_server.open_files import allow_connections
from petal_server.settings import LogSettings, Settings
from petal_server.storage import MemoryStorage, SqliteStorage, Storage
from petal_server.workers import Workers

from .machine import ROOT

BEAT = 0.001
STILL = "--still"


class Heart:
    """Notes by phase how late each beat of a fixed schedule was, in seconds.

    Beats that a held-up loop missed count too, each as late as it came: otherwise a hold-up of
    100 ms would weigh no more than one of 1 ms.
    """

    def __init__(self, phase):
        np.percentile([0], 99.9)  # loads what else would be loaded in the loop, 10 ms
        self._phase = phase
        self._late: dict[str, list[float]] = defaultdict(list)

    async def beat(self) -> None:
        due = time.perf_counter()
        while True:
            due += BEAT
            await asyncio.sleep(max(0, due - time.perf_counter()))
            due += self.note(time.perf_counter() - due) * BEAT

    def note(self, late: float) -> int:
        """Take a beat that came so late, and those it made the loop miss; how many these are."""
        missed = int(late / BEAT)
        self._late[self._phase()] += [late - i * BEAT for i in range(missed + 1)]
        return missed

    def report(self) -> dict[str, dict[str, float]]:
        """Phase to beats, 99.9th percentile and maximum."""
        return {
            phase: {
                "beats": len(late),
                "p99.9": float(np.percentile(late, 99.9)),
                "max": max(late),
            }
            for phase, late in self._late.items()
        }

    def begin_anew(self) -> None:
        """Forget the beats so far."""
        self._late.clear()


@contextmanager
def durable(workers: Workers) -> Iterator[Storage]:
    """The store that `petal serve` has by default, in a folder that is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="petal-bench-") as folder,
        SqliteStorage(Path(folder), workers=workers) as store,
    ):
        yield store


@contextmanager
def stored(settings: Settings, workers: Workers) -> Iterator[Storage]:
    """The store that the settings ask for; without a word of theirs, as `durable`."""
    storage = settings.storage
    if storage.kind == "memory":
        yield MemoryStorage(workers)
    elif "path" in storage.model_fields_set:
        keep = storage.keep_models
        with SqliteStorage(storage.path, keep_models=keep, workers=workers) as store:
            yield store
    else:
        with durable(workers) as store:
            yield store


async def serve(settings: Settings, store: Storage, workers: Workers, beats: bool) -> None:
    app = create_app(settings, store=store, workers=workers)
    heart = Heart(lambda: app.state.context.phase.value) if beats else None
    server = Announcing.of(app, settings)
    allow_connections(settings.limits.connections)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        await _beat_until_the_end(heart)
        server.should_exit = True
        await serving
    print(json.dumps(heart.report() if heart else {}), flush=True)


class Announcing(http_server.Server):
    """`petal serve`'s own, that prints its address once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps(f"http://127.0.0.1:{sockets[0].getsockname()[1]}"), flush=True)


async def idle() -> None:
    heart = Heart(lambda: "idle")
    print(json.dumps(""), flush=True)
    await _beat_until_the_end(heart)
    print(json.dumps(heart.report()), flush=True)


async def _beat_until_the_end(heart: Heart | None) -> None:
    beating = heart and asyncio.create_task(heart.beat())
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(heart.report()), flush=True)
        heart.begin_anew()
    if beating:
        beating.cancel()


class Server:
    """That process, seen from outside; a context manager. `lateness` is there once it has ended."""

    def __init__(self, settings: dict | None, beats: bool = True):
        """Without beats it remembers nothing of its own, where memory is measured."""
        self._settings, self._beats = settings, beats
        self.lateness: dict[str, dict[str, float]] = {}

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.server", json.dumps(self._settings)]
            + [STILL] * (not self._beats),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.url = json.loads(self._read())
        return self

    def resident(self) -> int:
        """Bytes of memory that the process holds now; Linux tells."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    def processor(self) -> float:
        """Seconds for which it has kept a processor busy; Linux tells."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def lateness_since(self) -> dict[str, dict[str, float]]:
        """How late the beats came since this was last asked."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._read())

    def _read(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the coordinator ended with {self._process.wait()}; see above")
        return line

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self.lateness = json.loads(self._process.stdout.read() or "{}")
        self._process.stdout.close()
        self._process.wait()


def settings(length: int, sums: int, updates: int, **sections) -> dict:
    """Settings of rounds with exactly so many participants and no minimum times."""

    def phase(count: int, least: int = 1) -> dict:
        return {
            "count": {"min": max(count, least), "max": max(count, least)},
            "time": {"min": 0, "max": 600},
        }

    pet = {
        "sum": {**phase(sums), "prob": 0.5},
        "update": {**phase(updates, 3), "prob": 1.0},
        "sum2": phase(sums),
    }
    return {"model": {"length": length}, "pet": pet, "web": {"enable": False}, **sections}


if __name__ == "__main__":
    logs.configure(LogSettings(filter="warn"))
    chosen = json.loads(sys.argv[1])
    if chosen is None:
        asyncio.run(idle())
    else:
        loaded = Settings(**chosen)
        with stored(loaded, workers := Workers()) as store:
            asyncio.run(serve(loaded, store, workers, beats=STILL not in sys.argv))
