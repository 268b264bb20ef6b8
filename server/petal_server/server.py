"""Runs the application under uvicorn until a signal ends it."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import click
import structlog
import uvicorn

from petal_server import logs
from petal_server.app import create_app
from petal_server.http_server import BACKLOG, Server
from petal_server.open_files import allow_connections
from petal_server.settings import Settings
from petal_server.sizes import largest_message, largest_payload
from petal_server.storage import MemoryStorage, SqliteStorage, Storage, StorageError
from petal_server.tls_files import tls_trouble
from petal_server.trust_anchor import TrustAnchorError, trust_anchor_of
from petal_server.workers import Workers

log = structlog.get_logger("petal.server")


class CannotServe(Exception):
    """The address, TLS or the storage folder cannot be used; ``str()`` says what to do."""


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; then finish open requests and store what they brought.

    Raises:
        CannotServe: The address, a TLS file or the storage folder cannot be used.
    """
    logs.configure(settings.log)
    for advice in advise(settings):
        log.warning(advice)
    _make_room(settings)
    workers = Workers()
    with _storage(settings, workers) as store:
        _serve(settings, store, workers)
    log.info("stopped")


def check(settings: Settings) -> None:
    """What a start would find wrong besides the settings themselves.

    Raises:
        CannotServe: The trust anchor cannot be loaded, or a TLS file is none.
    """
    try:
        trust_anchor_of(settings.trust_anchor)
    except TrustAnchorError as error:
        raise CannotServe(f"trust_anchor.call: {error}") from None
    if trouble := tls_trouble(settings.api):
        raise CannotServe(trouble)


def _serve(settings: Settings, store: Storage, workers: Workers) -> None:
    check(settings)
    server = Server.of(create_app(settings, store=store, workers=workers), settings)
    server.config.load()
    with _listen(settings) as listening:
        _stop_on_signal(server)
        click.echo(f"Petal coordinator on {_url(settings, listening)}")
        click.echo(summary(settings))
        server.run(sockets=[listening])


@contextmanager
def _storage(settings: Settings, workers: Workers) -> Iterator[Storage]:
    storage = settings.storage
    if storage.kind == "memory":
        yield MemoryStorage(workers)
        return
    try:
        store = SqliteStorage(
            storage.path,
            restore=settings.restore.enable,
            keep_models=storage.keep_models,
            checkpoint_size=storage.checkpoint_size,
            workers=workers,
        )
    except StorageError as error:
        raise CannotServe(str(error)) from None
    with store:
        yield store


def advise(settings: Settings) -> Iterator[str]:
    """What is allowed but surely not what an operator wants."""
    for section in settings.not_applied:
        yield f"section [{section}] is accepted but changes nothing in this version"
    updates, most = settings.pet.update.count, settings.mask.config.vect.max_models
    if updates.max > most:
        yield (
            f"pet.update.count.max is {updates.max}, but mask.model_type "
            f"{settings.mask.model_type} adds {most} updates: later ones are rejected"
        )
    if largest_payload(settings) > settings.multipart.max_total_size:
        yield (
            f"multipart.max_total_size is below {largest_payload(settings)}, the size of one "
            "update: updates in chunks cannot be completed"
        )
    if largest_message(settings) > settings.limits.body_memory_per_address:
        yield (
            f"limits.body_memory_per_address is below {largest_message(settings)}, the size of "
            "the largest message: it can only come in parts"
        )


def _make_room(settings: Settings) -> None:
    wanted = settings.limits.connections
    if (fit := allow_connections(wanted)) < wanted:
        log.warning(
            f"limits.connections is {wanted}, but the operating system allows {fit}: raise the "
            "limit on open files (ulimit -n, LimitNOFILE=) or lower the setting"
        )


def summary(settings: Settings) -> str:
    """The round, where it is kept, and who may take part if not everybody, in a line each."""
    pet, storage = settings.pet, settings.storage
    asks = bool(settings.admission.public_keys)
    admits = "\nAdmits only participants with an enrolment token" if asks else ""
    kept = "in memory only" if storage.kind == "memory" else f"in {storage.path.resolve()}"
    phases = (
        f"{name} {phase.count.min}-{phase.count.max} in {phase.time.min:g}-{phase.time.max:g} s"
        for name, phase in (("sum", pet.sum), ("update", pet.update), ("sum2", pet.sum2))
    )
    return (
        f"Rounds: {settings.model.length} weights, {settings.mask.config.vect}, "
        f"sum probability {pet.sum.prob:g}, update {pet.update.prob:g}; {', '.join(phases)}\n"
        f"Kept {kept}{admits}"
    )


def _stop_on_signal(server: uvicorn.Server) -> None:
    """A signal is a good end, before uvicorn has taken it over and when it hands it on."""

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.api.host_and_port
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        raise CannotServe(
            f"cannot listen on {settings.api.bind_address}: {error.strerror}. Is another "
            "coordinator running? Set api.bind_address to a free address."
        ) from None


def _url(settings: Settings, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if settings.api.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
