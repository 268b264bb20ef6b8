"""The row of the coordinator's whole path for an update, without HTTP."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from nacl import bindings
from starlette.applications import Starlette

from petal.crypto import EncryptionKeyPair
from petal.wire import Message
from petal_server import logs
from petal_server.app import create_app
from petal_server.outcome import Outcome
from petal_server.phases import PhaseName
from petal_server.settings import LogSettings, Settings
from petal_server.storage import MemoryStorage, Storage
from petal_server.workers import Workers

from .measure import Line, Reading, Target, limit
from .scale import CORES, Run
from .server import durable, settings
from .traffic import Traffic

_BATCH = 8


def intake(run: Run) -> list[Line]:
    """The coordinator's whole path, open to add, in updates a second; and libsodium's share."""
    logs.configure(LogSettings(filter="warn"))
    name = f"open, verify, parse, check and add updates of {run.scale.weights:,} weights"
    memory = asyncio.run(_intake(run, name, MemoryStorage(workers := Workers()), workers))
    with durable(workers := Workers()) as store:
        kept = asyncio.run(_intake(run, "the same, and keep them on the disk", store, workers))
    return [memory, kept]


async def _intake(run: Run, name: str, store: Storage, workers: Workers) -> Line:
    batch, turns = min(_BATCH, run.scale.updates), run.scale.repeats
    chosen = settings(run.scale.weights, sums=1, updates=batch * (turns + 1))
    app = create_app(Settings(**chosen), store=store, workers=workers)
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
    whole = Reading(name, tuple(ours), "/s")
    part = Reading(f"libsodium's part alone, {CORES} threads", tuple(sodium), "/s")
    target = Target(at_least=20) if run.scale.target(20) else None
    return Line("intake", whole, (limit(whole, part),), target)


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


ROWS: dict[str, Callable[[Run], list[Line]]] = {"intake": intake}
