"""``petal demo``: a coordinator, native participants with data of their own, and the page."""

import asyncio
import os
import socket
import sys
import webbrowser
from contextlib import suppress
from math import comb
from typing import NoReturn

import click

from petal_server import logs
from petal_server.app import web_folder
from petal_server.assets import AssetsError, check_vendor
from petal_server.demo_run import run
from petal_server.demo_tasks import DEFAULT, Task, TaskError, find_task
from petal_server.settings import LogSettings, Settings

HOST, PORT = "127.0.0.1", 8081
MASK_KEYS = ("group_type", "data_type", "bound_type", "model_type")
FEWEST_UPDATES = 3  # the protocol's own minimum


@click.command()
@click.option(
    "-n",
    "--participants",
    type=click.IntRange(4, 60),
    default=8,
    show_default=True,
    help="Native Python participants, each with data of its own.",
)
@click.option(
    "--task",
    "name",
    default=DEFAULT,
    show_default=True,
    metavar="NAME",
    help="What is learnt: digits (images) or cancer (a table). docs/tasks.md tells how to add one.",
)
@click.option("--port", type=click.IntRange(0, 65535), help=f"Default {PORT}, or a free one.")
@click.option("--rounds", type=click.IntRange(1), help="Stop after this many global models.")
@click.option("--open/--no-open", "open_page", default=True, help="Open the page in a browser.")
@click.option("-v", "--verbose", is_flag=True, help="Show the coordinator's and their own logs.")
def demo(
    participants: int,
    name: str,
    port: int | None,
    rounds: int | None,
    open_page: bool,
    verbose: bool,
) -> None:
    """Watch a model learn from data that nobody shows to anybody.

    Starts a coordinator on this machine and a handful of participants in Python, each holding
    other handwritten digits, or rows of a table. Open the printed address to take part with a
    browser tab.

    In every round a lot makes some participants sum participants, who only handle masks, and
    the others update participants, who train on their data and send the masked weights. A
    round in which nobody is drawn for a task fails and the next one begins: with the default
    number of participants about one in twenty.

    Ctrl-C stops it.
    """
    # Failed rounds get a line of the demo's own.
    logs.configure(LogSettings(filter="httpx=warn,info" if verbose else "petal.phase=error,warn"))
    try:
        check_vendor(web_folder(Settings()))
    except AssetsError as error:
        _give_up(str(error))
    task = load_task(name)
    with _listen(port) as listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        click.echo(f"{participants} participants in Python take part. Join them from a browser:")
        click.echo(f"\n    {address}\n\nCtrl-C stops the demo.\n")
        if open_page and _has_display():
            webbrowser.open(address)
        settings = demo_settings(task, participants)
        # uvicorn stops gracefully at Ctrl-C and hands the signal on.
        with suppress(KeyboardInterrupt):
            asyncio.run(run(settings, task, listening, participants, rounds))
        click.echo("Stopped.")


def demo_settings(task: Task, participants: int) -> Settings:
    """A round every seven seconds or so, with each phase long enough to be seen."""
    length, mask = task.model
    return Settings.model_validate(
        {
            "mask": dict(zip(MASK_KEYS, mask.split("/"), strict=True)),
            "api": {"stop_timeout": 3},
            "model": {"length": length},
            "web": {"task": task.name},
            "pet": {
                "sum": {"prob": sum_probability(participants), "time": {"min": 2, "max": 5}},
                # Everybody who does not sum trains, so that no visitor sits a round out.
                "update": {"prob": 1.0, "time": {"min": 3, "max": 10}},
                "sum2": {"time": {"min": 2, "max": 15}},
            },
        }
    )


def sum_probability(participants: int) -> float:
    """The probability that fails the fewest rounds."""
    return min((p / 100 for p in range(1, 100)), key=lambda p: failing_share(participants, p))


def failing_share(participants: int, probability: float) -> float:
    """The share of rounds that draw no sum participant, or too few update participants."""

    def drawn(summing: int) -> float:
        others = participants - summing
        return comb(participants, summing) * probability**summing * (1 - probability) ** others

    good = range(1, participants - FEWEST_UPDATES + 1)
    return 1 - sum(drawn(summing) for summing in good)


def load_task(name: str = DEFAULT) -> Task:
    """The task of that name, which tabs run too."""
    folder = web_folder(Settings())
    if not (folder / "demo" / "tasks").is_dir():
        _give_up(f"{folder} holds no tasks: run the demo from a checkout of Petal's repository")
    try:
        return find_task(folder, name)
    except TaskError as error:
        _give_up(f"{error}. Name another --task.")


def _listen(port: int | None) -> socket.socket:
    """The default port may be taken by anything, so another does; a port asked for must be free."""
    try:
        return socket.create_server((HOST, PORT if port is None else port), backlog=256)
    except OSError as error:
        if port is not None:
            _give_up(f"cannot listen on {HOST}:{port}: {error.strerror}. Name another --port.")
        return socket.create_server((HOST, 0), backlog=256)


def _has_display() -> bool:
    """Without one, Python would start a text browser in this very terminal."""
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _give_up(reason: str) -> NoReturn:
    click.echo(f"petal demo: {reason}", err=True)
    sys.exit(2)
