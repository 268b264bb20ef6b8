"""Puts a coordinator together: settings, clock, randomness, store in; an ASGI application out."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route

from petal.crypto import EncryptionKeyPair, RandomBytes
from petal.wire.enrolment import ADMISSION_HEADER, HEADER
from petal_server.admission import Admission
from petal_server.assets import AssetsError, asset_routes
from petal_server.clock import Clock, SystemClock
from petal_server.demo_tasks import task_routes
from petal_server.inbox import Inbox
from petal_server.intake import Intake
from petal_server.limits import Gate, LimitedRequests
from petal_server.machine import Machine
from petal_server.metrics import TimedRequests
from petal_server.multipart import Reassembly
from petal_server.onlookers import Onlookers
from petal_server.operators import operator_routes
from petal_server.phases import Context
from petal_server.phases.idle import before_the_first_round
from petal_server.routes import PROTOCOL_ROUTES
from petal_server.settings import CorsSettings, Settings
from petal_server.sizes import largest_message, largest_payload
from petal_server.storage import MemoryStorage, Storage
from petal_server.trust_anchor import TrustAnchor, trust_anchor_of
from petal_server.waiting import WaitingRequests
from petal_server.workers import Workers

log = structlog.get_logger("petal.app")


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    random: RandomBytes = os.urandom,
    store: Storage | None = None,
    workers: Workers | None = None,
    trust_anchor: TrustAnchor | None = None,
) -> Starlette:
    """A coordinator as an ASGI application; its lifespan starts and stops the rounds.

    ``clock`` and ``random`` (which makes all of the coordinator's keys) default to the real
    ones, ``store`` to one in memory (``petal serve`` brings a durable one), ``workers`` to
    threads, ``trust_anchor`` to the one in the settings. ``app.state.context`` shows the round,
    ``app.state.machine`` runs it and ``app.state.intake`` takes messages.

    Raises:
        TrustAnchorError: The settings name a function that there is not.
    """
    settings, workers = settings or Settings(), workers or Workers()
    ctx = _context(
        settings,
        clock or SystemClock(),
        random,
        store or MemoryStorage(workers),
        workers,
    )
    ctx.trust_anchor = trust_anchor or trust_anchor_of(settings.trust_anchor)
    machine = Machine(ctx)
    gate = Gate(settings.limits)
    onlookers = Onlookers(ctx, machine, gate)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with onlookers.watching():
            # Loads what Starlette puts off until the first answer that it streams: 16 ms, better
            # now than while the loop has updates to take.
            await run_in_threadpool(lambda: None)
            await machine.start()
            try:
                yield
            finally:
                onlookers.leave()
                await machine.stop()
                ctx.workers.close()

    routes = [*PROTOCOL_ROUTES, *operator_routes(settings), *_page(settings)]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(WaitingRequests, room=onlookers.waiting),
            _timed(onlookers, routes),
            # Before the limits, or a page of another origin is not told that it is to wait.
            *_cors(settings.api.cors),
            Middleware(LimitedRequests, gate=gate),
        ],
        lifespan=lifespan,
    )
    app.state.context = ctx
    app.state.machine = machine
    app.state.onlookers = onlookers
    app.state.gate = gate
    app.state.admission = Admission(settings.admission, ctx.clock.wall)
    app.state.intake = Intake(ctx, largest_message(settings), app.state.admission)
    return app


def _page(settings: Settings) -> list[BaseRoute]:
    if not settings.web.enable:
        return []
    folder = web_folder(settings)
    try:
        assets = asset_routes(folder, connect=settings.web.coordinators)
        return [*task_routes(settings, folder), *assets]
    except AssetsError as error:
        log.warning("rounds run, but without the page", detail=str(error))
        text = f"This coordinator runs rounds but has no page to show: {error}\n"
        return [Route("/", PlainTextResponse(text, status_code=503))]


def web_folder(settings: Settings) -> Path:
    """The folder of the page: as set, or ``web/`` of the source tree this runs from."""
    return settings.web.folder or Path(__file__).resolve().parents[2] / "web"


def _context(
    settings: Settings, clock: Clock, random: RandomBytes, store: Storage, workers: Workers
) -> Context:
    keys = EncryptionKeyPair.generate(random)
    return Context(
        settings=settings,
        clock=clock,
        random=random,
        store=store,
        workers=workers,
        inbox=Inbox(),
        reassembly=Reassembly(settings.multipart, largest_payload(settings), clock.now),
        state=before_the_first_round(settings, keys),
    )


def _timed(onlookers: Onlookers, routes: list[BaseRoute]) -> Middleware:
    paths = {route.endpoint: route.path for route in routes}
    return Middleware(TimedRequests, seconds=onlookers.metrics.request_seconds, paths=paths)


def _cors(cors: CorsSettings) -> list[Middleware]:
    if not cors.allow_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(cors.allow_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "If-None-Match", "Prefer", HEADER],
            expose_headers=[
                "ETag",
                "Petal-Model-Id",
                "Petal-Wait",
                "Retry-After",
                ADMISSION_HEADER,
            ],
            max_age=cors.max_age,
        )
    ]
