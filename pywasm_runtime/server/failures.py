"""Answer every failure in one form: `{"error": {"kind": ..., "message": ...}}`, with the status of its kind.

A client's mistake is explained; of a defect of ours nothing is shown, it goes to the log.
"""

import logging
import math
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from pywasm_runtime.functions.errors import Busy, Denied, FunctionError, UploadRefused
from pywasm_runtime.functions.model import Call, Outcome

LOG = logging.getLogger("pywasm.server")
_SHOWN_PROBLEMS = 5
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])")


class UnknownToken(Denied):
    """Say that a request has no token that is known."""

    http_status = 401


class SlowBody(FunctionError):
    """Say that the client took too long to send the body."""

    http_status = 408


class NotEnded(FunctionError):
    """Say that a call has no result yet."""

    http_status = 409


class UnknownContent(FunctionError):
    """Say which types of content are taken."""

    http_status = 415


class CallFailed(FunctionError):
    """Say that the function failed: the request was right, so this status is for nothing else."""

    http_status = 424

    def __init__(self, call: Call, outcome: Outcome) -> None:
        super().__init__(plain(outcome.error) or f"the call failed ({outcome.failure.value or 'unknown'})")
        self.call = call
        self.outcome = outcome


class ErrorDetail(BaseModel):
    """Hold what went wrong; the last three are there for a failed call only."""

    kind: str
    message: str
    traceback: str | None = None
    call: str | None = None
    failure: str | None = None
    status: int | None = None


class ErrorAnswer(BaseModel):
    """Hold the body of every answer that is an error."""

    error: ErrorDetail


def plain(text: str) -> str:
    """Make text of a guest fit for JSON: it may have halves of surrogate pairs."""
    return text.encode(errors="backslashreplace").decode()


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route can give, beside those that every route with a token can give."""
    every = {400, 401, 403, 422, 429, 503}
    return {status: _described(status) for status in sorted(every | set(statuses))}


def open_documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route that needs no token."""
    return {status: _described(status) for status in statuses}


def error_response(error: FunctionError) -> Response:
    """Turn an error of ours into an answer."""
    detail = ErrorDetail(kind=kind_of(type(error)), message=plain(str(error)))
    headers: dict[str, str] = {}
    if isinstance(error, UploadRefused) and error.traceback:
        detail.traceback = plain(error.traceback)
    if isinstance(error, Busy):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, UnknownToken):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, CallFailed):
        headers["Pywasm-Call"] = error.call.id
        detail.call, detail.failure, detail.status = error.call.id, error.outcome.failure.value, error.outcome.status
        detail.traceback = plain(error.outcome.traceback) or None
    return _response(error.http_status, detail, headers)


def kind_of(error: type[FunctionError]) -> str:
    """Name a kind of error as JSON does: InvalidName is invalid_name."""
    return _WORD_BORDER.sub("_", error.__name__).lower()


def install(app: FastAPI) -> None:
    """Make an application answer its failures in this form."""
    app.add_exception_handler(FunctionError, _function_error)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _defect)


async def _function_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FunctionError)
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.error("%s %s: %s", request.method, request.url.path, error)
    return error_response(error)


async def _wrong_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        f"{'.'.join(map(str, problem['loc'][1:])) or problem['loc'][0]}: {problem['msg']}"
        for problem in error.errors()[:_SHOWN_PROBLEMS]
    ]
    return _response(422, ErrorDetail(kind="invalid_request", message=plain("; ".join(problems))))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    message = {404: f"there is nothing at {request.url.path[:200]}; see /openapi.json"}.get(error.status_code)
    detail = ErrorDetail(kind=kind, message=plain(message or str(error.detail)))
    return _response(error.status_code, detail, dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    return _response(400, ErrorDetail(kind="disconnected", message="the client went away in the middle of the body"))


async def _defect(request: Request, error: Exception) -> Response:
    # Whoever called this goes on to raise the error, and the web server logs it with its traceback.
    return _response(500, ErrorDetail(kind="internal", message="a defect of the server; its log says more"))


def _response(status: int, detail: ErrorDetail, headers: dict[str, str] | None = None) -> Response:
    answer = ErrorAnswer(error=detail)
    return JSONResponse(answer.model_dump(exclude_none=True), status, headers)


def _described(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"model": ErrorAnswer, "description": _MEANING[status]}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        text = "Seconds after which to come again"
        described["headers"] = {"Retry-After": {"description": text, "schema": {"type": "integer", "minimum": 1}}}
    return described


_MEANING = {
    400: "A name or value is not accepted",
    401: "No token that is known",
    403: "Another user's name",
    404: "There is no such thing",
    408: "The body came too slowly",
    409: "The call has not ended",
    413: "Larger than a limit",
    415: "A type of content that is not taken",
    422: "A parameter that cannot be read, or code that cannot become a function",
    424: "The function failed: its error and traceback",
    429: "Too much is waiting",
    503: "The storage cannot be used",
}
