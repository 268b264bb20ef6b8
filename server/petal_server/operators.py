"""Routes for operators and their tools: health, metrics, the API's description."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from petal_server.answers import UNCACHED, answer
from petal_server.health import Health
from petal_server.metrics import Metrics
from petal_server.openapi import DOCUMENT, PAGE, PAGE_HEADERS
from petal_server.settings import Settings
from petal_server.streams import get_events


async def get_healthz(request: Request) -> Response:
    """200 while rounds go on, 503 when only a restart helps."""
    health: Health = request.app.state.onlookers.health
    state = {"machine": "ok" if health.lives else "stopped"}
    return JSONResponse(state, 200 if health.lives else 503, UNCACHED)


async def get_readyz(request: Request) -> Response:
    """200 while every part works, else 503; either names the parts."""
    parts = await request.app.state.onlookers.health.parts()
    ready = all(state == "ok" for state in parts.values())
    return JSONResponse(parts, 200 if ready else 503, UNCACHED)


async def get_metrics(request: Request) -> Response:
    """Prometheus' text format, or OpenMetrics for who asks for it."""
    metrics: Metrics = request.app.state.onlookers.metrics
    body, media_type = metrics.exposition(request.headers.get("accept", ""))
    return Response(body, headers={**UNCACHED, "Content-Type": media_type})


async def get_openapi(request: Request) -> Response:
    return answer(request, DOCUMENT)


async def get_api_page(request: Request) -> Response:
    response = answer(request, PAGE)
    response.headers.update(PAGE_HEADERS)
    return response


def operator_routes(settings: Settings) -> list[BaseRoute]:
    """The routes; without /metrics where the settings turn it off."""
    routes: list[BaseRoute] = [
        Route("/healthz", get_healthz),
        Route("/readyz", get_readyz),
        Route("/events", get_events),
        Route("/openapi.json", get_openapi),
        Route("/api", get_api_page),
    ]
    if settings.metrics.enable:
        routes.append(Route("/metrics", get_metrics))
    return routes
