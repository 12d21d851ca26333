"""Give what the status page shows in one answer: `/v1/overview`."""

from collections.abc import Sequence
from statistics import median
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from pywasm_runtime.server.access import Caller, permit
from pywasm_runtime.server.answers import CallAnswer, FunctionAnswer, call_answer, function_answer
from pywasm_runtime.server.failures import documented
from pywasm_runtime.server.metrics import rank
from pywasm_runtime.server.parameters import Service
from pywasm_runtime.server.service_interface import Functions

router = APIRouter(tags=["overview"])
_SHOWN_CALLS = 50
_TIMED_CALLS = 500
_MOST_USERS = 50


class TimingsAnswer(BaseModel):
    """Hold what the newest calls took, in seconds; nothing is known without calls."""

    count: int
    median: float | None
    p99: float | None


class OverviewAnswer(BaseModel):
    """Hold what a status page shows. `running`, `waiting` and `queued` count the calls of all users."""

    caller: str
    admin: bool
    running: int
    waiting: int
    queued: int
    workers: int
    timings: TimingsAnswer
    functions: list[FunctionAnswer]
    calls: list[CallAnswer]


@router.get("/v1/overview", responses=documented())
async def overview(
    caller: Caller,
    service: Service,
    user: Annotated[str | None, Query(description="Whose functions and calls; for an admin by default all")] = None,
) -> OverviewAnswer:
    """Give functions, newest calls and timings: the caller's, or those of all users to an admin."""
    if user is not None or not caller.admin:
        user = permit(caller, user if user is not None else caller.name)
    recent = await service.recent(user, _TIMED_CALLS)
    users = [user] if user is not None else [known.name for known in await service.users()][:_MOST_USERS]
    now = service.statistics()
    return OverviewAnswer(
        caller=caller.name,
        admin=caller.admin,
        running=now.running,
        waiting=now.waiting,
        queued=now.queued,
        workers=len(now.workers),
        timings=timings([call.outcome.seconds for call in recent if call.outcome]),
        functions=await _functions(service, users),
        calls=[call_answer(call) for call in recent[:_SHOWN_CALLS]],
    )


def timings(seconds: Sequence[float]) -> TimingsAnswer:
    """Say what calls took: the median, and what 99 of 100 did not exceed."""
    if not seconds:
        return TimingsAnswer(count=0, median=None, p99=None)
    ordered = sorted(seconds)
    return TimingsAnswer(count=len(ordered), median=median(ordered), p99=rank(ordered, 0.99))


async def _functions(service: Functions, users: Sequence[str]) -> list[FunctionAnswer]:
    return [function_answer(version) for user in users for version in await service.functions(user)]
