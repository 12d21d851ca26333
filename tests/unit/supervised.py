"""A data folder with one function, and supervisors with fake sandboxes over it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from pywasm_runtime.functions.archive import check, pack_source
from pywasm_runtime.functions.model import Call, CallRequest, FunctionSettings, FunctionVersion, Limits, Outcome
from pywasm_runtime.functions.supervisor import Supervisor, SupervisorSettings
from pywasm_runtime.storage import Storage

HERE = str(Path(__file__).parent)
USER = "someone"
Result = TypeVar("Result")


def upload(
    folder: Path, name: str = "f", *, limits: Limits | None = None, source: bytes = b"x = 1\n"
) -> FunctionVersion:
    """Keep a function whose entries are the bodies of `fake_sandboxes`."""
    info = check(pack_source(source, name), name)
    settings = FunctionSettings(entry="noop", limits=limits or Limits(), config={"colour": "blue"})
    with Storage(folder) as storage:
        return storage.functions.add_version(USER, name, digest=info.digest, archive=info.archive, settings=settings)


def submit(folder: Path, entry: str, content: bytes = b"", name: str = "f") -> Call:
    """Accept a call as another process would."""
    with Storage(folder) as storage:
        return storage.calls.submit(request(entry, content, name))


def stored(folder: Path, call_id: str) -> Call:
    with Storage(folder) as storage:
        return storage.calls.get(call_id)


def request(entry: str, content: bytes = b"", name: str = "f") -> CallRequest:
    return CallRequest(user=USER, function=name, entry=entry, input=content)


def settings(folder: Path, **changes: Any) -> SupervisorSettings:
    chosen = {"storage": folder, "slots": 2, "factory": "fake_sandboxes:FakeSandboxes", "python_path": (HERE,)}
    return SupervisorSettings(**{**chosen, **changes})


def supervise(folder: Path, body: Callable[[Supervisor], Awaitable[Result]], **changes: Any) -> Result:
    """Run `body` with a supervisor; a minute is more than any test needs."""

    async def go() -> Result:
        async with asyncio.timeout(60), Supervisor(settings(folder, **changes)) as supervisor:
            return await body(supervisor)

    return asyncio.run(go())


async def invoke(supervisor: Supervisor, entry: str, content: bytes = b"", name: str = "f") -> Outcome:
    """Make a call and give its outcome."""
    call = await supervisor.submit(request(entry, content, name))
    return outcome_of(await supervisor.run(call.id))


def outcome_of(call: Call) -> Outcome:
    assert call.outcome is not None
    return call.outcome


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    while not condition():
        await asyncio.sleep(0.005)
