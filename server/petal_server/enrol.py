"""`petal enrol`: an enrolment authority's commands."""

import os
import re
import time
from pathlib import Path

import click

from petal.client.authority import Authority
from petal.client.state_file import read_state
from petal.errors import DecodeError, PetalError, SignatureError
from petal.participant import Machine
from petal.wire import EnrolmentToken
from petal.wire.enrolment import public_key

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _key(_context: click.Context, _option: click.Parameter, value: object) -> object:
    try:
        if isinstance(value, tuple):
            return tuple(public_key(text) for text in value)
        return None if value is None else public_key(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _seconds(_context: click.Context, _option: click.Parameter, value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}[mhdw]", value):
        raise click.BadParameter("a time is a number and m, h, d or w, as in 90m, 12h, 30d, 4w")
    return int(value[:-1]) * _UNITS[value[-1]]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def enrol() -> None:
    """Say who may take part: keys and tokens for a coordinator that admits not everybody.

    \b
    Once, wherever people are enrolled (it need not be the coordinator):
        petal enrol new-key authority.pem
    In the coordinator's settings, with the public key that this prints:
        [admission]
        public_keys = ["..."]
    Somebody who wants to take part starts once, which tells the participant's public key:
        petal participate -u URL --train my_training.py --state me.petal
    Issue a token for it, and send it back; it need not be kept secret:
        petal enrol token --key authority.pem PUBLIC_KEY
    With it the participant is admitted:
        petal participate -u URL --train my_training.py --state me.petal --enrolment TOKEN
    """


@enrol.command("new-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def new_key(file: Path) -> None:
    """Make an authority's key and keep it in FILE, a new file that only its owner can read.

    Whoever has the file can enrol anybody. The key is Ed25519, PKCS #8 in PEM, as
    "openssl genpkey -algorithm ed25519" makes it as well.
    """
    try:
        key = Authority.new(file).public_key.hex()
    except PetalError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The secret key is in {file}. For the coordinator's settings:", err=True)
    click.echo(f'[admission]\npublic_keys = ["{key}"]')


@enrol.command()
@click.option(
    "--key",
    "key_file",
    type=_EXISTING,
    required=True,
    help='The authority\'s key, from "petal enrol new-key".',
)
@click.option(
    "--valid",
    callback=_seconds,
    default="30d",
    show_default=True,
    help="How long from now it admits: a number and m, h, d or w.",
)
@click.argument("public_keys", metavar="PUBLIC_KEY...", nargs=-1, required=True, callback=_key)
def token(key_file: Path, valid: int, public_keys: tuple[bytes, ...]) -> None:
    """Issue a token for each participant's PUBLIC_KEY, 64 hexadecimal digits; one a line.

    A token is good for that participant alone, and needs no secrecy. It cannot be taken back
    before it expires but by the coordinator's setting admission.revoked, so prefer short times.
    """
    try:
        authority = Authority.load(key_file)
    except PetalError as error:
        raise click.ClickException(str(error)) from error
    for key in public_keys:
        click.echo(authority.token(key, valid))


@enrol.command()
@click.option("--public-key", callback=_key, help="Also check that this authority signed it.")
@click.argument("token")
def show(public_key: bytes | None, token: str) -> None:
    """Say what a TOKEN holds. The exit status is 1 if it is none, expired or not signed so."""
    try:
        read = EnrolmentToken.parse(token.strip())
        click.echo(f"participant {read.participant_pk.hex()}\nexpires     {read.until}")
        if public_key:
            read.verify(public_key)
            click.echo(f"signed by   {public_key.hex()}")
    except DecodeError as error:
        raise click.ClickException(str(error)) from error
    except SignatureError as error:
        raise click.ClickException("another authority signed it, or nobody") from error
    if read.expires <= time.time():
        raise click.ClickException("it has expired")


@enrol.command("public-key")
@click.argument("state_file", type=_EXISTING)
def show_public_key(state_file: Path) -> None:
    """Print the public key of the participant in STATE_FILE, which a token is issued for."""
    try:
        saved = read_state(state_file)
        click.echo(Machine.restore(saved, random=os.urandom).public_key.hex())
    except PetalError as error:
        raise click.ClickException(str(error)) from error
