"""Serve the status page, and what machines ask: is the server there, how is it going."""

from importlib import resources
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials

from pywasm_runtime.server.access import Tokens, bearer, recognise
from pywasm_runtime.server.failures import open_documented
from pywasm_runtime.server.metrics import CONTENT_TYPE, Metrics
from pywasm_runtime.server.parameters import described_bytes
from pywasm_runtime.server.settings import ServerSettings

router = APIRouter(tags=["server"])
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
_POLICY += "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_GUARDS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Security-Policy": _POLICY}
_FILES = {
    "/status": ("status.html", "text/html; charset=utf-8"),
    "/status/page.css": ("status.css", "text/css; charset=utf-8"),
    "/status/page.js": ("status.js", "text/javascript; charset=utf-8"),
}
_WORDS: dict[int | str, dict[str, Any]] = {200: described_bytes("The server answers", "text/plain; charset=utf-8")}
_METRICS: dict[int | str, dict[str, Any]] = {200: described_bytes("Numbers in Prometheus' format", CONTENT_TYPE)}


@router.get("/healthz", responses=_WORDS, response_class=Response)
async def health() -> Response:
    """Say that the server answers."""
    return Response("ok\n", media_type="text/plain")


@router.get("/ping", responses=_WORDS, response_class=Response)
async def ping() -> Response:
    """Say that the server answers, as Faasm says it."""
    return Response("PONG", media_type="text/plain")


@router.get("/metrics", responses={**open_documented(401, 429, 503), **_METRICS}, response_class=Response)
async def metrics(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> Response:
    """Give numbers to Prometheus; any user's token will do."""
    settings: ServerSettings = request.app.state.settings
    numbers: Metrics = request.app.state.metrics
    if not settings.open_metrics:
        tokens: Tokens = request.app.state.tokens
        await recognise(tokens, credentials)
    return Response(numbers.text(), headers={"Content-Type": CONTENT_TYPE})


async def _to_status_page() -> Response:
    return RedirectResponse("/status")


def _add_files() -> None:
    folder = resources.files("pywasm_runtime.server") / "static"
    router.add_api_route("/", _to_status_page, include_in_schema=False)
    for path, (name, kind) in _FILES.items():
        content = (folder / name).read_bytes()
        router.add_api_route(path, _file_route(content, kind), include_in_schema=False)


def _file_route(content: bytes, kind: str) -> Any:
    async def file() -> Response:
        return Response(content, headers={"Content-Type": kind, "Cache-Control": "no-cache", **_GUARDS})

    return file


_add_files()
