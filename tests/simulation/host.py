"""Where the coordinator runs: it is started, stopped, cut off, and asked over its routes."""

import asyncio
import json
from urllib.parse import urlsplit

from starlette.requests import Request

from petal.client.transport import Response
from petal.errors import TransportError
from petal_server.app import create_app
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.storage import StorageError

from .loop import InlineWorkers, LoopClock
from .store import Stores

NPY = "application/x-npy"


class Host:
    """The coordinator of one simulated world."""

    def __init__(self, world):
        self.world, self.starts = world, 0
        self.app, self.up, self.stores = None, False, Stores(world)
        self._open: dict[asyncio.Task, None] = {}

    @property
    def ctx(self):
        return self.app.state.context

    @property
    def faults(self) -> int:
        """How often the simulation has made a store fail."""
        return self.stores.misfortune.faults

    async def start(self):
        """A coordinator, which goes on with the round that its store holds."""
        world = self.world
        rng = world.rng(f"coordinator {self.starts}")
        self.starts += 1
        self._store = self.stores.open()
        if self.stores.durable:
            with self.stores.misfortune.away():
                await world.oracle.check_what_was_kept(self._store)
        self.app = create_app(
            world.scenario.settings,
            clock=LoopClock(),
            random=rng.randbytes,
            store=self._store,
            workers=InlineWorkers(),
        )
        self.ctx.events.listen(world.hear)
        try:
            await self.app.state.machine.start()
            self.up = True
        except StorageError as error:
            # It could not read what it had stored: the process ends, and somebody starts another.
            world.note(f"the coordinator cannot start: {error}")
            self.app = None
            self._store.close()
            world.spawn(self._start_again())

    async def _start_again(self):
        await asyncio.sleep(1)
        await self.start()

    async def stop(self, gracefully: bool):
        """End it, while it is up: as on SIGTERM, or as when the process is killed."""
        self.up = False
        if gracefully:
            await self.app.state.machine.stop()
        self.app = None
        self._store.close()
        tasks = [*self._open, *filter(_of_the_coordinator, asyncio.all_tasks())]
        # Once is not enough: until Python 3.12, wait_for may swallow a cancellation.
        while tasks := [task for task in tasks if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
        if not self.stores.durable:
            self.world.oracle.lost()

    def close(self):
        self.stores.close()

    async def ask(self, method, path, headers, letter=None):
        """The answer; for a letter also its receipt and where the round stood as it arrived."""
        if not self.up:
            raise TransportError("connection refused")
        over_http = self.world.scenario.over_http or "prefer" in headers
        if method == "GET" and not over_http:
            return self._get(path, headers), None, None
        task = asyncio.create_task(self._ask(method, path, headers, letter))
        self._open[task] = None
        try:
            return await task
        except asyncio.CancelledError:
            if task.cancelled() and not asyncio.current_task().cancelling():
                raise TransportError("connection reset") from None
            raise
        finally:
            del self._open[task]

    async def _ask(self, method, path, headers, letter):
        arrival, body = self.world.oracle.arrives(letter), letter.body if letter else b""
        if self.world.scenario.over_http or method == "GET":
            return *await self._over_http(method, path, headers, body), arrival
        return *await self._post(body), arrival

    async def _post(self, body):
        intake = self.app.state.intake
        if len(body) > intake.max_message_size:
            return self._receipt(413, intake.refuse_too_large())
        receipt = await intake.receive(body)
        failed = receipt.reason is Reason.COORDINATOR_ERROR
        return self._receipt(503 if failed else 200, receipt)

    def _receipt(self, status, receipt):
        reason = receipt.reason and receipt.reason.value
        text = json.dumps({"outcome": receipt.outcome.value, "reason": reason})
        return Response(status, {}, text.encode()), receipt

    def _get(self, path, headers):
        split, board = urlsplit("/" + path), self.ctx.board
        if split.path == "/model":
            found = board.model_npy if NPY in headers.get("accept", "") else board.model_bincode
            return Response(200, {}, found.body) if found else Response(204, {}, b"")
        waiting = self.app.state.onlookers.waiting
        scope = {"type": "http", "path": split.path, "query_string": split.query.encode()}
        found, etag = waiting.found(Request(scope))
        told = {"etag": etag, "petal-wait": f"{waiting.longest:g}"}
        return Response(200, told, found.body) if found else Response(204, told, b"")

    async def _over_http(self, method, path, headers, body):
        """Through the routes of the application, as a server calls it."""
        split, sent, unread = urlsplit("/" + path), [], [body or b""]
        scope = {
            "type": "http",
            "method": method,
            "path": split.path,
            "query_string": split.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive():
            if not unread:
                await asyncio.Event().wait()  # who asks stays
            return {"type": "http.request", "body": unread.pop(), "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        status, answer = sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])
        if method == "GET":
            told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
            return Response(status, told, answer), None
        told = json.loads(answer)
        receipt = Receipt(Outcome(told["outcome"]), told["reason"] and Reason(told["reason"]))
        return Response(status, {}, answer), receipt


def _of_the_coordinator(task) -> bool:
    return task.get_name() in ("petal machine", "petal storage")
