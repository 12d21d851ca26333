"""Put the routes together."""

from collections import Counter

from fastapi import FastAPI

from pywasm_runtime.server import (
    call_routes,
    faasm_routes,
    failures,
    function_routes,
    overview_routes,
    page_routes,
    state_routes,
)
from pywasm_runtime.server.access import Tokens
from pywasm_runtime.server.metrics import Metrics
from pywasm_runtime.server.request_guard import RequestGuard
from pywasm_runtime.server.service_interface import Functions
from pywasm_runtime.server.settings import ServerSettings

_ROUTERS = (function_routes, call_routes, state_routes, overview_routes, page_routes, faasm_routes)
_DESCRIPTION = """Upload Python functions, call them, share state between them. Each call runs in a sandbox of its own.

Every request but those to `/healthz`, `/ping`, `/status` and `/openapi.json` needs a user's token in the header
`Authorization: Bearer TOKEN`. Every error has the body `{"error": {"kind": ..., "message": ...}}`."""


def create_app(service: Functions, settings: ServerSettings | None = None) -> FastAPI:
    """Make the application that serves a service; whoever calls it starts and ends the service."""
    settings = settings or ServerSettings()
    app = FastAPI(
        title="pywasm",
        description=_DESCRIPTION,
        version="1",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Else variables of the environment could have it send what it sees elsewhere.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    answered: Counter[tuple[str, str, int]] = Counter()
    app.state.service = service
    app.state.settings = settings
    app.state.tokens = Tokens(service.authenticate, settings.token_seconds)
    app.state.metrics = Metrics(service.statistics, answered)
    app.add_middleware(RequestGuard, settings=settings, answered=answered)
    failures.install(app)
    for routes in _ROUTERS:
        app.include_router(routes.router)
    return app
