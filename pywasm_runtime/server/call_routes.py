"""Call functions, `/v1/users/{user}/functions/{name}/calls` and `.../invoke`, and look at calls, `.../calls/{id}`."""

from typing import Any

from fastapi import APIRouter, Request, Response

from pywasm_runtime.functions.model import Call, CallRequest, CallState, Outcome
from pywasm_runtime.server.access import Owner
from pywasm_runtime.server.answers import (
    CallAnswer,
    CallsAnswer,
    LogsAnswer,
    bytes_response,
    call_answer,
    logs_answer,
)
from pywasm_runtime.server.failures import CallFailed, NotEnded, documented
from pywasm_runtime.server.parameters import (
    CallId,
    Entry,
    Limit,
    Name,
    Service,
    Version,
    Wait,
    described_body,
    described_bytes,
)
from pywasm_runtime.server.service_interface import Functions

router = APIRouter(prefix="/v1/users/{user}", tags=["calls"])
_INPUT = described_body("application/octet-stream")
_NOT_YET: dict[int | str, dict[str, Any]] = {202: {"model": CallAnswer, "description": "The call has not ended yet"}}
_OUTPUT: dict[int | str, dict[str, Any]] = {200: described_bytes("The function's output")}


@router.post("/functions/{name}/calls", responses={**documented(404, 408, 413), **_NOT_YET}, openapi_extra=_INPUT)
async def call_function(
    user: Owner,
    name: Name,
    entry: Entry,
    service: Service,
    request: Request,
    response: Response,
    version: Version = None,
    wait: Wait = 0.0,
) -> CallAnswer:
    """Call a function; the body is its input. The call is accepted, and run even if nobody waits for it."""
    wanted = CallRequest(user=user, function=name, input=await request.body(), entry=entry, version=version)
    call = await waited(service, await service.submit(wanted), wait)
    response.status_code = 200 if call.outcome else 202
    return call_answer(call)


@router.post(
    "/functions/{name}/invoke",
    responses={**documented(404, 408, 413, 424), **_OUTPUT},
    response_class=Response,
    openapi_extra=_INPUT,
)
async def invoke_function(
    user: Owner, name: Name, entry: Entry, service: Service, request: Request, version: Version = None
) -> Response:
    """Call a function and wait; the body is its input, the answer its output. A function that fails answers 424."""
    wanted = CallRequest(user=user, function=name, input=await request.body(), entry=entry, version=version)
    call = await service.invoke(wanted)
    outcome = succeeded(call)
    headers = {"Pywasm-Call": call.id, "Pywasm-Seconds": f"{outcome.seconds:.6f}"}
    return bytes_response(outcome.output, headers)


@router.get("/calls", responses=documented())
async def list_calls(user: Owner, service: Service, limit: Limit = 50) -> CallsAnswer:
    """Give a user's newest calls."""
    return CallsAnswer(calls=[call_answer(call) for call in await service.recent(user, limit)])


@router.get("/calls/{call_id}", responses={**documented(404), **_NOT_YET})
async def show_call(user: Owner, call_id: CallId, service: Service, response: Response, wait: Wait = 0.0) -> CallAnswer:
    """Give a call, when it has ended or as it is after `wait` seconds."""
    call = await waited(service, await service.call(user, call_id), wait)
    response.status_code = 200 if call.outcome else 202
    return call_answer(call)


@router.get("/calls/{call_id}/output", responses={**documented(404, 409), **_OUTPUT}, response_class=Response)
async def show_output(user: Owner, call_id: CallId, service: Service) -> Response:
    """Give what a call wrote as its output, also if it failed."""
    return bytes_response(ended(await service.call(user, call_id)).output)


@router.get("/calls/{call_id}/logs", responses=documented(404, 409))
async def show_logs(user: Owner, call_id: CallId, service: Service) -> LogsAnswer:
    """Give what a call printed."""
    return logs_answer(ended(await service.call(user, call_id)))


async def waited(service: Functions, call: Call, seconds: float) -> Call:
    """Wait for a call's end, unless it has ended or there is no time to wait."""
    if call.outcome is not None or not seconds:
        return call
    return await service.wait(call.id, seconds)


def ended(call: Call) -> Outcome:
    """Give the outcome of a call; NotEnded if there is none yet."""
    if call.outcome is None:
        raise NotEnded(f"call {call.id} is {call.state.value}; it has no result yet")
    return call.outcome


def succeeded(call: Call) -> Outcome:
    """Give the outcome of a call that succeeded; CallFailed or NotEnded else."""
    outcome = ended(call)
    if call.state is not CallState.SUCCEEDED:
        raise CallFailed(call, outcome)
    return outcome
