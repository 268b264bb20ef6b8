"""`petal participate` and `petal test-drive`: options, help and error messages."""

import asyncio
from pathlib import Path

import click

from petal.client.authority import Authority
from petal.client.crowd import KINDS, Crowd
from petal.client.http import HttpTransport, check_url
from petal.client.privacy_options import privacy_of, with_privacy
from petal.client.state_file import held
from petal.client.terminal import (
    Terminal,
    enrolment_advice,
    enrolment_of,
    load_trainer,
    open_machine,
    take_part,
)
from petal.client.tls import tls_context
from petal.errors import EnrolmentError, PetalError
from petal.participant import DEFAULT_MESSAGE_SIZE

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


def _url(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return check_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_CONNECTION = (
    click.option(
        "-u",
        "--url",
        callback=_url,
        default="http://127.0.0.1:8081",
        show_default=True,
        help="Address of the coordinator.",
    ),
    click.option(
        "--rounds",
        type=click.IntRange(1),
        help="Stop after so many rounds; left out, go on until Ctrl-C.",
    ),
    click.option(
        "--max-message-size",
        type=click.IntRange(4096),
        default=DEFAULT_MESSAGE_SIZE,
        show_default=True,
        help="Largest message in bytes; longer ones go out in parts.",
    ),
    click.option(
        "--ca",
        "--certificate",
        "ca",
        type=_EXISTING,
        help="PEM file of the authority that signed the coordinator's TLS certificate.",
    ),
    click.option(
        "--cert",
        "--identity",
        "cert",
        type=_EXISTING,
        help="PEM file with a client certificate, for a coordinator that asks.",
    ),
    click.option(
        "--key",
        type=_EXISTING,
        help="PEM file with the client certificate's private key, if it is in a file of its own.",
    ),
)


def _with_connection(command):
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


@click.command()
@_with_connection
@click.option(
    "--train",
    "train_file",
    type=_EXISTING,
    required=True,
    help="Python file with a function train(model, round).",
)
@click.option(
    "--scalar",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="This participant's weight in the mean.",
)
@click.option(
    "--state",
    "state_file",
    type=_FILE,
    help="Keep the participant in this file; where it exists, that participant goes on.",
)
@click.option(
    "--save-model",
    "model_file",
    type=_FILE,
    help="Always keep the newest global model in this .npy file.",
)
@click.option(
    "--enrolment",
    metavar="TOKEN|@FILE",
    help="An enrolment token for this participant, or the file it is in, for a coordinator that "
    "admits only who has one.",
)
@with_privacy
@click.option("-v", "--verbose", is_flag=True, help="Show every step.")
def participate(
    url: str,
    rounds: int | None,
    max_message_size: int,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    train_file: Path,
    scalar: float,
    state_file: Path | None,
    model_file: Path | None,
    enrolment: str | None,
    verbose: bool,
    **privacy,
) -> None:
    """Take part in a coordinator's rounds, training with your own function.

    The file given with --train holds a function:

    \b
        def train(model, round):
            ...
            return weights        # or: return weights, scalar

    MODEL is the global model, a flat numpy array of round.model_length numbers, or None while
    there is none yet. Return an array of the same length and of the dtype
    round.mask_config.vect.data.dtype, or None to sit the round out. The coordinator never sees
    these weights, only the sum over all participants. In some rounds a participant adds up masks
    instead and does not train.

    \b
    Example:
        petal participate -u http://127.0.0.1:8081 --train my_training.py --state me.petal

    The state file holds secret keys and, within a round, your weights: keep it to yourself. A
    participant that goes on from it keeps the scalar and message size it was made with, and the
    privacy budget it has spent.

    Not even a coordinator that works together with a sum participant learns much about the data
    from updates with noise. This one sends ten updates, then none any more:

    \b
        petal participate --train my_training.py --state me.petal \\
            --dp-epsilon 8 --dp-clip 0.5 --dp-updates 10
    """
    terminal = None
    try:
        trainer = load_trainer(train_file)
        asked = privacy_of(state_file, **privacy)
        transport = HttpTransport(url, verify=tls_context(ca, cert, key))
        with held(state_file):
            machine = open_machine(
                state_file,
                scalar=scalar,
                max_message_size=max_message_size,
                rounds=rounds,
                privacy=asked,
            )
            terminal = Terminal(machine, state_file, model_file, verbose)
            terminal.save()  # before a token is looked at: a refusal tells this key
            enrolled = enrolment_of(enrolment, machine)
            asyncio.run(take_part(machine, transport, trainer, terminal, enrolled))
    except EnrolmentError as error:
        raise click.ClickException(f"{error}. {enrolment_advice(state_file)}.") from error
    except (PetalError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        if terminal is None:
            raise click.Abort from None  # still importing the training file
        terminal.stopped()


@click.command("test-drive")
@_with_connection
@click.option(
    "-n",
    "--participants",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many participants.",
)
@click.option(
    "--weights",
    type=click.Choice(sorted(KINDS)),
    default="random",
    show_default=True,
    help="What they send: new random weights each round, a constant each of its own, or zeros.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random weights.")
@click.option(
    "--enrol-key",
    "key_file",
    type=_EXISTING,
    help='Enrol them with this authority\'s key ("petal enrol new-key").',
)
def test_drive(
    url: str,
    rounds: int | None,
    max_message_size: int,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    participants: int,
    weights: str,
    seed: int,
    key_file: Path | None,
) -> None:
    """Let many dummy participants take part, to try a coordinator out.

    They train nothing: length and data type of their weights are what the coordinator asks for.
    Each finished round prints one line: how many took which role, how many messages were
    accepted, and the global model's mean and extremes.

    \b
    Example:
        petal test-drive -n 20 -u http://127.0.0.1:8081 --rounds 5
    """
    kind = KINDS[weights]
    try:
        authority = Authority.load(key_file) if key_file else None
        crowd = Crowd(participants, kind, seed, rounds, max_message_size, click.echo, authority)
        transport = HttpTransport(url, verify=tls_context(ca, cert, key))
        click.echo(f"{participants} participants join the coordinator at {transport.url}")
        asyncio.run(crowd.take_part(transport))
    except EnrolmentError as error:
        advice = "A key that it trusts enrols all of them: --enrol-key FILE"
        raise click.ClickException(f"{error}. {advice}.") from error
    except (PetalError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped")
