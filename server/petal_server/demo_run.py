"""What ``petal demo`` runs: the coordinator under uvicorn, its participants, a line a round."""

import asyncio
import io
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import click
import numpy as np
import structlog

from petal.client import participate_async
from petal.participant import Notice, Refused, Unavailable, Warning, WeightsClamped
from petal.round import RoundParameters
from petal_server.app import create_app
from petal_server.demo_tasks import Task
from petal_server.http_server import Server
from petal_server.phases import Context
from petal_server.settings import Settings
from petal_server.status import status

log = structlog.get_logger("petal.demo")

LOOK_EVERY = 0.25


async def run(
    settings: Settings,
    task: Task,
    listening: socket.socket,
    participants: int,
    rounds: int | None,
) -> None:
    """Serve and take part until interrupted, or until `rounds` global models are made."""
    host, port = listening.getsockname()
    url = f"http://{host}:{port}/"
    app = create_app(settings)
    server = Server.of(app, settings)
    module = task.load_module()
    dataset = module.load(task.data)
    hands = module.shards(dataset, max(participants, module.PARTIES))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve([listening]))
        natives = [
            group.create_task(participate_async(url, trainer(module, hand), observer=tell))
            for hand in hands[:participants]
        ]
        telling = group.create_task(report(app.state.context, module, dataset.held_out, rounds))
        await asyncio.wait([serving, telling], return_when=asyncio.FIRST_COMPLETED)
        for each in (*natives, telling):
            each.cancel()
        server.should_exit = True


def trainer(task: ModuleType, hand: Any) -> Callable[..., tuple[np.ndarray, float]]:
    """The training function of the participant that holds `hand`."""

    def train(model: np.ndarray | None, params: RoundParameters) -> tuple[np.ndarray, float]:
        seed = int.from_bytes(params.seed[:4], "little")
        return task.train(model, hand, seed), task.weight(hand)

    return train


def tell(notice: Notice) -> None:
    """Log what should not happen; rounds themselves are told by `report`."""
    if isinstance(notice, Refused | Unavailable | Warning | WeightsClamped):
        log.info("participant", notice=str(notice))


async def report(ctx: Context, task: ModuleType, held_out: Any, rounds: int | None) -> None:
    """Print how each round ended; returns after `rounds` global models."""
    before = status(ctx)
    while rounds != 0:
        await asyncio.sleep(LOOK_EVERY)
        now = status(ctx)
        if now["last_failure"] != before["last_failure"]:
            click.echo(f"failed: {now['last_failure']}; the next round begins")
        if now["model_id"] != before["model_id"]:
            model = np.load(io.BytesIO(ctx.board.model_npy.body), allow_pickle=False)
            click.echo(line(before, task.evaluate(model, held_out)))
            rounds = rounds and rounds - 1
        before = now


def line(ended: dict[str, Any], accuracy: float) -> str:
    """How a round went: what the new global model knows, and who made it."""
    updates, sums = ended["counts"]["update"], ended["counts"]["sum"]
    return (
        f"round {ended['round_id']:3}   accuracy {accuracy:6.1%}  {'▇' * round(20 * accuracy):20}"
        f"  {updates} updates, masked by {sums} sum participant{'s' * (sums != 1)}"
    )
