"""Say how functions and calls look in JSON. Times are seconds since the epoch, sizes bytes."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from pywasm_runtime.functions.model import Call, CallState, FunctionVersion, Limits, Outcome
from pywasm_runtime.server.failures import plain


class LimitsAnswer(BaseModel):
    """Hold what one call of a function may take."""

    memory_bytes: int
    wall_seconds: float
    cpu_seconds: float
    output_bytes: int
    log_bytes: int
    state_bytes: int
    tmp_bytes: int
    tmp_files: int
    chain_depth: int
    children: int
    instances: int


class FunctionAnswer(BaseModel):
    """Hold a version of a function; `no_image` says why each call imports the module anew, if that is so."""

    user: str
    name: str
    version: int
    digest: str
    created: float
    no_image: str
    entry: str
    limits: LimitsAnswer
    environment: dict[str, str]
    config: dict[str, str]


class FunctionsAnswer(BaseModel):
    """Hold functions, or versions of one."""

    functions: list[FunctionAnswer]


class OutcomeAnswer(BaseModel):
    """Hold how a call ended; `status` is not 0 exactly if `failure` says something."""

    status: int
    failure: str
    error: str
    traceback: str
    seconds: float
    cpu_seconds: float
    memory_bytes: int


class CallAnswer(BaseModel):
    """Hold a call; its output and logs have addresses of their own."""

    id: str
    user: str
    function: str
    version: int
    entry: str
    state: CallState
    created: float
    started: float | None
    ended: float | None
    attempt: int
    parent: str | None
    outcome: OutcomeAnswer | None


class CallsAnswer(BaseModel):
    """Hold calls, the newest first; their tracebacks are left out."""

    calls: list[CallAnswer]


class LogsAnswer(BaseModel):
    """Hold what a call printed; what is not UTF-8 is replaced."""

    stdout: str
    stderr: str


def function_answer(version: FunctionVersion) -> FunctionAnswer:
    """Show a version of a function."""
    settings = version.settings
    return FunctionAnswer(
        user=version.user,
        name=version.name,
        version=version.version,
        digest=version.digest,
        created=version.created,
        no_image=plain(version.no_image),
        entry=settings.entry,
        limits=_limits_answer(settings.limits),
        environment=_plain_pairs(settings.environment),
        config=_plain_pairs(settings.config),
    )


def call_answer(call: Call) -> CallAnswer:
    """Show a call."""
    return CallAnswer(
        id=call.id,
        user=call.user,
        function=call.function,
        version=call.version,
        entry=call.entry,
        state=call.state,
        created=call.created,
        started=call.started,
        ended=call.ended,
        attempt=call.attempt,
        parent=call.parent,
        outcome=_outcome_answer(call.outcome) if call.outcome else None,
    )


def logs_answer(outcome: Outcome) -> LogsAnswer:
    """Show what a call printed."""
    return LogsAnswer(stdout=outcome.stdout.decode(errors="replace"), stderr=outcome.stderr.decode(errors="replace"))


def bytes_response(content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with bytes that a function or user made: no browser may take them for a page of this server."""
    guards = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(content, media_type="application/octet-stream", headers={**guards, **(headers or {})})


def text_response(text: str) -> Response:
    """Answer with text that may be of a function."""
    response = bytes_response(text.encode(errors="replace"))
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    return response


def _limits_answer(limits: Limits) -> LimitsAnswer:
    return LimitsAnswer.model_validate(limits, from_attributes=True)


def _outcome_answer(outcome: Outcome) -> OutcomeAnswer:
    return OutcomeAnswer(
        status=outcome.status,
        failure=outcome.failure.value,
        error=plain(outcome.error),
        traceback=plain(outcome.traceback),
        seconds=outcome.seconds,
        cpu_seconds=outcome.cpu_seconds,
        memory_bytes=outcome.memory_bytes,
    )


def _plain_pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(value) for name, value in pairs.items()}
