"""Wait for what is to come, and look at how calls ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pywasm_runtime.functions.model import Call, CallRequest, Outcome
from tests.integration.functions import USER, Functions

T = TypeVar("T")
_TIMEOUT = 60.0


def until(look: Callable[[], T], *, timeout: float = _TIMEOUT) -> T:
    """Look again and again until there is something, and give it."""
    end = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < end, f"nothing came of {look} within {timeout:g} s"
        time.sleep(0.005)
    return found


def outcome(call: Call) -> Outcome:
    """Give how a call ended."""
    assert call.outcome is not None
    return call.outcome


def begin(functions: Functions, name: str, content: bytes = b"", *, user: str = USER, **request: object) -> str:
    """Have a call accepted, and give its id."""
    wanted = CallRequest(user=user, function=name, input=content, **request)  # type: ignore[arg-type]
    return functions.wait(functions.service.submit(wanted)).id


def end(functions: Functions, call_id: str) -> Call:
    """Wait for a call's end."""
    return functions.wait(functions.service.wait(call_id))


def output_of(functions: Functions, call_id: str) -> bytes:
    """Wait for the end of a call that succeeds, and give its output."""
    ended = outcome(end(functions, call_id))
    assert ended.error == "", ended.traceback or ended.error
    return ended.output


def worker_of(functions: Functions, call_id: str) -> int:
    """Wait until a worker has a call, and give the worker's process id."""

    def look() -> int:
        workers = functions.service.statistics().workers
        return next((worker.pid for worker in workers if worker.call_id == call_id), 0)

    return until(look)


def parent_of(pid: int) -> int:
    """Give the process that started a process."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    return int(fields[1])


def processes_with(text: str) -> list[int]:
    """Find the processes that have a text in their command line, but for those that have ended."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes() if folder.name.isdecimal() else b""
        except OSError:
            continue
        if text.encode() in command:
            found.append(int(folder.name))
    return found
