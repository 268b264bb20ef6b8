"""The ``petal`` command. Subcommands are imported when they are asked for, to start quickly."""

import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

COMMANDS = {
    "serve": (__name__, "serve"),
    "participate": ("petal.client.cli", "participate"),
    "test-drive": ("petal.client.cli", "test_drive"),
    "enrol": ("petal_server.enrol", "enrol"),
    "demo": ("petal_server.demo", "demo"),
    "bundle": ("petal_server.bundle", "bundle"),
}


class LazyGroup(click.Group):
    """A group whose commands are named in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        return getattr(import_module(module), attribute)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="petal")
def main() -> None:
    """Federated learning in a browser tab: the server learns the average and nothing else.

    Start a coordinator with "petal serve", then open its address in a browser, or let this
    machine take part with "petal participate". "petal demo" shows everything at once.
    """


@click.command()
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with settings, in Xaynet's format (deploy/config.toml is an example).",
)
@click.option("--check", is_flag=True, help="Only say whether the settings are good.")
def serve(config: Path | None, check: bool) -> None:
    """Run a coordinator, and serve the page that takes part in its rounds.

    Without a file it serves a small example: a model of 4 weights on 127.0.0.1:8081. Every
    setting can also come from the environment, for instance
    PETAL__PET__UPDATE__COUNT__MIN=10 (Xaynet's XAYNET__ works too). docs/operating.md lists
    them all. Ctrl-C or SIGTERM stops it.
    """
    from petal_server import config_file, server

    try:
        settings = config_file.load(config)
    except config_file.ConfigError as error:
        _give_up(error)
    try:
        if check:
            server.check(settings)
            click.echo(f"The settings are good. {server.summary(settings)}")
            return
        server.run(settings)
    except server.CannotServe as error:
        _give_up(error)


def _give_up(error: Exception) -> NoReturn:
    for line in str(error).splitlines():
        click.echo(f"petal serve: {line}", err=True)
    sys.exit(2)
