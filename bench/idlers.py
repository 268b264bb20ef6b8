"""Thousands of participants without a task, in a process of its own.

`python -m bench.idlers URL COUNT` joins, then waits for the next round as petal's participants do:
one question for the parameters is kept open by the coordinator, and asked again half a second
after it brought nothing; a new round's model is fetched. It prints a line once all wait, then
counts for each line of its standard input what was answered since the last, and ends with it.
"""

import asyncio
import json
import random
import re
import sys
from collections import Counter
from urllib.parse import urlsplit

from petal_server.open_files import allow_connections

PER_ADDRESS = 900
"""Below `limits.connections_per_address`; loopback has many addresses."""

CONNECTING = 50
"""At once, so that the coordinator's queue of connections lasts."""

_STATUS = re.compile(rb"HTTP/1.1 (\d+)")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TAG = re.compile(rb"\r\netag: ([^\r]+)", re.IGNORECASE)
_WAIT = re.compile(rb"\r\npetal-wait: (\d+)", re.IGNORECASE)


class Idler(asyncio.Protocol):
    """One participant on one connection: raw bytes, so that ten thousand fit in a process."""

    def __init__(self, host: str, answered: Counter):
        self._host, self._answered = host, answered
        self._tag, self._offered, self._rest = b"", 0.0, b""
        self._model = False
        self.waiting = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._look()

    def connection_lost(self, _: Exception | None) -> None:
        self._answered["lost"] += 1

    def _get(self, path: str, accept: str, more: bytes = b"") -> None:
        head = f"GET /{path} HTTP/1.1\r\nHost: {self._host}\r\nAccept: {accept}\r\n"
        self._transport.write(
            head.encode() + b"Accept-Encoding: gzip, deflate\r\n" + more + b"\r\n"
        )

    def _look(self) -> None:
        more, self._model = b"", False
        if self._tag:
            seconds = int(self._offered * random.uniform(0.75, 1))
            more = b"If-None-Match: %b\r\nPrefer: wait=%d\r\n" % (self._tag, seconds)
            self.waiting.set()
        self._get("params", "application/octet-stream", more)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, found, body = self._rest.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self._rest = b""
            self._take(int(_STATUS.match(head)[1]), head)

    def _take(self, status: int, head: bytes) -> None:
        self._answered[status] += 1
        if self._model:
            self._look()
        elif status == 200:
            self._tag, self._offered = _TAG.search(head)[1], float(_WAIT.search(head)[1])
            self._model = True
            self._get("model", "application/x-npy, application/octet-stream;q=0.5")
        else:
            asyncio.get_running_loop().call_later(random.uniform(0.375, 0.625), self._look)


async def main(url: str, count: int) -> None:
    parts, answered = urlsplit(url), Counter()
    loop, places = asyncio.get_running_loop(), asyncio.Semaphore(CONNECTING)

    async def join(number: int) -> None:
        async with places:
            _, idler = await loop.create_connection(
                lambda: Idler(parts.netloc, answered),
                parts.hostname,
                parts.port,
                local_addr=(f"127.0.0.{2 + number // PER_ADDRESS}", 0),
            )
            await idler.waiting.wait()

    await asyncio.gather(*map(join, range(count)))
    print(json.dumps(count), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(answered), flush=True)
        answered.clear()


if __name__ == "__main__":
    idlers = int(sys.argv[2])
    if (allowed := allow_connections(idlers)) < idlers:
        sys.exit(f"the operating system allows {allowed} connections: raise ulimit -Hn")
    asyncio.run(main(sys.argv[1], idlers))
