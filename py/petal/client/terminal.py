"""What `petal participate` does beside the protocol: training file, state file, terminal log."""

import importlib.util
import os
import sys
import time
import traceback
from pathlib import Path

import click
import numpy as np

from petal.client.driver import Trainer, drive
from petal.client.enrolment import Enrolment, read_token
from petal.client.http import HttpTransport
from petal.client.state_file import read_state, write_file
from petal.crypto import SigningKeyPair
from petal.errors import TrainingError
from petal.participant import (
    GlobalModel,
    Machine,
    Notice,
    Progress,
    Refused,
    StateChanged,
    Unavailable,
    Warning,
    WeightsClamped,
)

_TROUBLE = (Refused, Unavailable, Warning, WeightsClamped)


def load_trainer(path: Path) -> Trainer:
    """The function `train` of a Python file; TrainingError if it cannot be had."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None:
        raise TrainingError(f"{path} is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    # As if it were run: what lies beside it can be imported, and pickle finds the module.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        traceback.print_exc()
        raise TrainingError(f"{path} could not be imported: {error}") from error
    trainer = getattr(module, "train", None)
    if not callable(trainer):
        raise TrainingError(f"{path} has no function train(model, round)")
    return trainer


def open_machine(state_file: Path | None, *, rounds: int | None, **settings) -> Machine:
    """The participant in the state file, for `rounds` more rounds, or a new one."""
    saved = read_state(state_file) if state_file else None
    if saved is None:
        return Machine(SigningKeyPair.generate(), random=os.urandom, rounds=rounds, **settings)
    machine = Machine.restore(saved, random=os.urandom, privacy=settings.get("privacy"))
    machine.extend(rounds)
    click.echo(f"going on as participant {machine.public_key.hex()[:8]} from {state_file}")
    return machine


def enrolment_of(token: str | None, machine: Machine) -> Enrolment:
    """The token given, `@FILE` for one in a file that is read again when it has expired.

    ParticipantError for one that is none, or another participant's.
    """
    if token is None or not token.startswith("@"):
        return Enrolment(token, machine.public_key)
    path = Path(token[1:])
    Enrolment(read_token(path), machine.public_key)
    return Enrolment(lambda _key: read_token(path), machine.public_key)


def enrolment_advice(state_file: Path | None) -> str:
    """What to type where a coordinator admits only the enrolled."""
    if state_file:
        return f"Then start again with --state {state_file} --enrolment TOKEN"
    return (
        "But without --state FILE this key is gone now: start with that option first, ask for a "
        "token for the key it then tells, and start again with both --state and --enrolment"
    )


async def take_part(
    machine: Machine,
    transport: HttpTransport,
    trainer: Trainer,
    terminal: "Terminal",
    enrolment: Enrolment,
) -> None:
    """Drive the machine; whatever ends that, the state file then holds its last state."""
    click.echo(f"participant {machine.public_key.hex()[:8]} at {transport.url}")
    try:
        async with transport:
            await drive(machine, transport, trainer, terminal, enrolment=enrolment)
    finally:
        terminal.save()


class Terminal:
    """An observer that logs to the terminal and keeps state and model files up to date."""

    def __init__(
        self, machine: Machine, state_file: Path | None, model_file: Path | None, verbose: bool
    ):
        self._machine, self._verbose = machine, verbose
        self._state_file, self._model_file = state_file, model_file

    def __call__(self, notice: Notice) -> None:
        if self._verbose or _worth_telling(notice):
            style = {"fg": "yellow"} if isinstance(notice, _TROUBLE) else {}
            click.secho(f"{time.strftime('%H:%M:%S')} {notice}", **style)
        if isinstance(notice, StateChanged):
            self.save()
        if isinstance(notice, GlobalModel) and notice.weights is not None and self._model_file:
            _write_npy(self._model_file, notice.weights)

    def save(self) -> None:
        """Write the state file, if there is to be one."""
        if self._state_file:
            write_file(self._state_file, self._machine.save())

    def stopped(self) -> None:
        """Say what Ctrl-C leaves behind."""
        kept = f"; --state {self._state_file} goes on from here" if self._state_file else ""
        click.echo(f"\nstopped after {self._machine.rounds_ended} whole rounds{kept}")


def _worth_telling(notice: Notice) -> bool:
    """Of many parts, every tenth or so is enough; of states, none."""
    if isinstance(notice, Progress):
        step = max(1, notice.total // 10)
        return notice.total > 1 and (notice.done % step == 0 or notice.done == notice.total)
    return not isinstance(notice, StateChanged)


def _write_npy(path: Path, weights: np.ndarray) -> None:
    def write(file):
        np.save(file, weights)

    write_file(path, write)
