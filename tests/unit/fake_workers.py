"""Workers without processes: they compile a function's module to see its entries, and run Python bodies by entry."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pywasm_runtime.functions.archive import main_module
from pywasm_runtime.functions.model import Call, CallRequest, Failure, FunctionVersion, ImageReport, Outcome
from pywasm_runtime.functions.service_settings import ServiceSettings
from pywasm_runtime.functions.statistics import Statistics
from pywasm_runtime.storage import StorageThread

LEASE_SECONDS = 30.0


def echo(call: Call) -> Outcome:
    return Outcome(output=call.input, stdout=b"out\n", stderr=b"err\n", seconds=0.0123, memory_bytes=3 << 20)


def fail(call: Call) -> Outcome:
    return Outcome(
        status=1,
        failure=Failure.EXCEPTION,
        error="ValueError: no \x1b[2J",
        traceback="Traceback (most recent call last):\nValueError: no \x1b[2J\n",
        output=b"partly",
    )


@dataclass(kw_only=True)
class FakeWorkers:
    """Run each call as soon as it is accepted or waited for; an entry named `slow` waits for `gate`."""

    settings: ServiceSettings
    storage: StorageThread
    bodies: dict[str, Callable[[Call], Outcome]] = field(default_factory=lambda: {"faasm_main": echo, "fail": fail})
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    images: list[FunctionVersion] = field(default_factory=list)
    tasks: dict[str, asyncio.Task[Call]] = field(default_factory=dict)
    drained: list[float] = field(default_factory=list)
    import_error: str = ""

    async def submit(self, request: CallRequest, *, queue_limit: int | None = None) -> Call:
        call = await self.storage.run(lambda storage: storage.calls.submit(request, queue_limit=queue_limit))
        self._begin(call.id)
        return call

    async def run(self, call_id: str) -> Call:
        self._begin(call_id)
        return await asyncio.shield(self.tasks[call_id])

    async def make_image(self, function: FunctionVersion) -> ImageReport:
        self.images.append(function)
        if self.import_error:
            return ImageReport(error=self.import_error)
        code = self.settings.data.code / function.digest
        module = main_module([path.name for path in code.iterdir()], function.name)
        source = (code / f"{module}.py").read_text()
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            return ImageReport(error=f"SyntaxError: {error.msg}", traceback=f"  File {module}.py\nSyntaxError\n")
        entries = tuple(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
        return ImageReport(entries=entries, no_image="it leaves a file open" if "open(" in source else "")

    async def keep_ready(self, function: FunctionVersion, count: int) -> None:
        self.kept = (function, count)

    async def drain(self, timeout: float) -> None:
        self.drained.append(timeout)

    def statistics(self) -> Statistics:
        return Statistics(running=len([task for task in self.tasks.values() if not task.done()]))

    def _begin(self, call_id: str) -> None:
        if call_id not in self.tasks:
            self.tasks[call_id] = asyncio.ensure_future(self._run(call_id))

    async def _run(self, call_id: str) -> Call:
        call = await self.storage.run(lambda storage: storage.calls.claim("fake", call_id, LEASE_SECONDS))
        assert call is not None
        if call.entry == "slow":
            await self.gate.wait()
        outcome = self.bodies.get(call.entry, echo)(call)
        await self.storage.run(lambda storage: storage.calls.finish(call_id, "fake", outcome))
        return await self.storage.run(lambda storage: storage.calls.get(call_id))


@dataclass(kw_only=True)
class FakeOpener:
    """Open fake workers, and remember them."""

    opened: list[FakeWorkers] = field(default_factory=list)
    closed: int = 0
    import_error: str = ""

    @asynccontextmanager
    async def __call__(self, settings: ServiceSettings, storage: StorageThread) -> AsyncIterator[FakeWorkers]:
        workers = FakeWorkers(settings=settings, storage=storage, import_error=self.import_error)
        self.opened.append(workers)
        try:
            yield workers
        finally:
            workers.gate.set()
            await asyncio.gather(*workers.tasks.values())
            self.closed += 1
