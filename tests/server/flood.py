"""Attackers that start endless messages in parts: many connections, each with a key of its own.

``python -m tests.server.flood PORT CONNECTIONS SIZE`` attacks until its standard input ends, and
prints how it goes; in a process of its own, so that honest clients do not wait behind it.
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from petal.crypto import SigningKeyPair, seal
from petal.wire import Chunk, Tag, decode_params, sign_message

CONNECTIONS_PER_ADDRESS = 20
ROOT = Path(__file__).parents[2]


@dataclass
class Flood:
    """``connections`` from as many loopback addresses as it takes, to the server at ``port``.

    Each sends parts of ``size`` bytes of messages that never end, under a new key whenever a part
    is refused.
    """

    port: int
    params: object
    connections: int
    size: int
    statuses: Counter = field(default_factory=Counter)
    open: int = 0

    def __post_init__(self):
        # What is in a part matters to nobody: the same bytes for all save the attackers' time.
        self._data = os.urandom(self.size)

    async def run(self):
        async with asyncio.TaskGroup() as group:
            for number in range(self.connections):
                group.create_task(self._attack(number))

    async def _attack(self, number):
        address = f"127.0.1.{1 + number // CONNECTIONS_PER_ADDRESS}"
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._one_connection(address)
            await asyncio.sleep(0.1)

    async def _one_connection(self, address):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(address, 0)
        )
        self.open += 1
        try:
            for body in self._parts():
                head = f"POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
                answer = await reader.readuntil(b"\r\n\r\n")
                # What says why a part is refused stands between this answer and the next.
                if told := re.search(rb"content-length: (\d+)", answer.lower()):
                    await reader.readexactly(int(told[1]))
                self.statuses[int(answer.split()[1])] += 1
        finally:
            self.open -= 1
            writer.close()

    def _parts(self):
        keys, to = SigningKeyPair.generate(), self.params.coordinator_pk
        for chunk_id in itertools.count():
            chunk = Chunk(chunk_id % 2**16, 1, False, self._data)
            yield seal(to, sign_message(keys, to, Tag.SUM, chunk.to_bytes(), multipart=True))


async def main(port, connections, size):
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/params")
    flood = Flood(port, decode_params(answer.content), connections, size)
    attack = asyncio.create_task(flood.run())
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    while not (attack.done() or ended.is_set()):
        print(json.dumps({"open": flood.open, "answers": flood.statuses.total()}), flush=True)
        await asyncio.sleep(0.2)
    attack.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await attack


@contextlib.contextmanager
def flooding(port, connections, size):
    """Such a process; a function that gives the latest that it printed."""
    command = [sys.executable, "-m", "tests.server.flood", port, connections, size]
    process = subprocess.Popen(
        list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        yield lambda: json.loads(process.stdout.readline())
    finally:
        process.communicate()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
