"""Run the queued calls of a data folder in a process of its own, without a server, until none is left.

`start` makes the process; it ends by itself, at the latest after `MAX_SECONDS`. What is queued then stays queued, for
the next one or a server.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from pywasm_runtime.errors import EmbedderError
from pywasm_runtime.functions.data_folder import DataFolder, open_data_folder
from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.model import CallState
from pywasm_runtime.functions.results import time_text
from pywasm_runtime.functions.service import FunctionService
from pywasm_runtime.functions.service_settings import default_settings
from pywasm_runtime.storage import StorageThread

MAX_SECONDS = 3600.0
MAX_LOG_BYTES = 1 << 20
_LOOK_SECONDS = 0.2
_DRAIN_SECONDS = 30.0
_CHECKOUT = Path(__file__).resolve().parents[2]
# As bin/python-wasm begins: neither PYTHON* variables nor the current folder change what runs out here.
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from pywasm_runtime.functions.background import main
main()
"""


class Runner(Protocol):
    """Be what runs the queued calls while it is open: FunctionService."""

    async def drain(self, timeout: float) -> None:
        """Take nothing new, finish what runs."""
        ...


def start(data: DataFolder) -> None:
    """Start the process, which goes on when this one ends; FunctionError if it cannot be started."""
    data.log.parent.mkdir(mode=0o700, exist_ok=True)
    if data.log.is_file() and data.log.stat().st_size > MAX_LOG_BYTES:
        data.log.unlink()
    command = [sys.executable, "-I", "-c", _PROGRAM, str(_CHECKOUT), str(data.path)]
    with data.log.open("ab") as log:
        begun = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    if begun.returncode:
        raise FunctionError(f"the process that runs queued calls could not be started; its messages are in {data.log}")


def main() -> None:
    """Be that process: sys.argv has the data folder. Whoever started it waits only until it has begun."""
    try:
        data = open_data_folder(Path(sys.argv[1]))
        if os.fork():
            os._exit(0)
        _say("runs the queued calls")
        asyncio.run(run_until_empty(lambda: FunctionService(default_settings(data)), lambda: _count(data)))
        _say("ends")
    except EmbedderError as error:
        _say(str(error))
        sys.exit(error.exit_status)


async def run_until_empty(
    open_runner: Callable[[], AbstractAsyncContextManager[Runner]],
    count: Callable[[], Awaitable[int]],
    *,
    max_seconds: float = MAX_SECONDS,
    look_seconds: float = _LOOK_SECONDS,
) -> None:
    """Run calls until `count` says that none is left, or the time is over."""
    end = time.monotonic() + max_seconds
    # Counted again after each end: who accepted a call meanwhile saw a process that runs calls, and started none.
    while await count() and time.monotonic() < end:
        async with open_runner() as runner:
            while await count() and time.monotonic() < end:
                await asyncio.sleep(look_seconds)
            await runner.drain(_DRAIN_SECONDS)


async def _count(data: DataFolder) -> int:
    with StorageThread(data.path) as storage:
        counts = await storage.run(lambda opened: opened.calls.counts())
    return counts[CallState.QUEUED] + counts[CallState.RUNNING]


def _say(message: str) -> None:
    print(f"{time_text(time.time())} process {os.getpid()}: {message}", file=sys.stderr, flush=True)
