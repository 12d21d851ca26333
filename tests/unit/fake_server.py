"""Serve the fake service in a process of its own, as the real one is served: `python -m tests.unit.fake_server PORT`.

It has functions and calls from the start, one of which has what would be markup. Ends by itself after ten minutes.
"""

import asyncio
import signal
import sys
from pathlib import Path

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.functions.model import CallRequest, FunctionSettings
from pywasm_runtime.server.address import listen
from pywasm_runtime.server.serve import ServeSettings, answer
from tests.unit.fake_functions import FakeFunctions

_LONGEST = 600


async def filled() -> FakeFunctions:
    service = FakeFunctions()
    for name in ("echo", "fail", "slow"):
        await service.upload("alice", name, pack_source(b"def faasm_main(): pass\n", name), FunctionSettings())
    for name in ("echo", "fail", "echo"):
        await service.invoke(CallRequest(user="alice", function=name, input=b"x"))
    await service.submit(CallRequest(user="alice", function="slow"))
    return service


async def run(port: int, drain_seconds: float) -> None:
    service = await filled()
    settings = ServeSettings(data=DataFolder(path=Path("/data")), port=port, drain_seconds=drain_seconds)
    with listen(settings.host, settings.port, allow_remote=False) as listener:
        # A call of "slow" that is accepted ends a moment after the server is told to end.
        asyncio.get_running_loop().create_task(_release_later(service))
        await answer(service, listener, settings)
    print(f"drained within {service.drained is not None}", file=sys.stderr)


async def _release_later(service: FakeFunctions) -> None:
    await asyncio.sleep(1.0)
    service.release.set()


if __name__ == "__main__":
    signal.alarm(_LONGEST)
    asyncio.run(run(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 10.0))
