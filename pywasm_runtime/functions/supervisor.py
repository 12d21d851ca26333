"""Run accepted calls: the one object that a service needs. It owns the worker processes.

`submit` accepts a call, `run` waits for its end.
"""

import asyncio
import secrets
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pywasm_runtime.functions.code_store import CodeStore
from pywasm_runtime.functions.dispatcher import Dispatcher
from pywasm_runtime.functions.errors import NotFound, StorageError
from pywasm_runtime.functions.image_job import ImageJob
from pywasm_runtime.functions.model import Call, CallRequest, FunctionVersion, ImageReport
from pywasm_runtime.functions.pool import Pool, PoolSettings
from pywasm_runtime.functions.scheduler import Scheduler
from pywasm_runtime.functions.statistics import Statistics, WorkerStatus
from pywasm_runtime.functions.wire import settings_to_fields
from pywasm_runtime.functions.worker_folders import worker_folders
from pywasm_runtime.storage import StorageThread

if TYPE_CHECKING:
    from pywasm_runtime.functions.sandboxes import SandboxSettings

__all__ = ["Statistics", "Supervisor", "SupervisorSettings"]

REAL_SANDBOXES = "pywasm_runtime.functions.sandboxes:Sandboxes"
_RENEW_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_LOOK_AT_OTHERS_SECONDS = 0.05
_MOST_ADOPTED = 200
_SPARE_WORKERS = 2
_PREPARING_SECONDS = 10.0
"""What an import may take longer than a call: code may have to be compiled for it."""


@dataclass(frozen=True, kw_only=True)
class SupervisorSettings:
    """Hold how calls are run.

    storage: the data folder; code, local_state: where unpacked code and the local tier of state lie, if not in it.
    slots: how many calls run at once. most_begun: how many may be begun and wait, too. adopt: run whatever is queued in
    the storage, not only what this supervisor is asked for. sandbox: what all sandboxes share. factory, python_path:
    what makes the sandboxes, `module:name`, and where that module is looked for. image_seconds: the most that importing
    a module may take, whatever the function's own limit is.
    """

    storage: Path
    slots: int
    sandbox: "SandboxSettings | None" = None
    adopt: bool = True
    most_begun: int = 256
    idle_seconds: float = 10.0
    image_seconds: float = 300.0
    code: Path | None = None
    local_state: Path | None = None
    factory: str = REAL_SANDBOXES
    python_path: tuple[str, ...] = ()


class Supervisor:
    """Run calls; an async context manager. `shared` is the storage's thread of whoever uses it in this process, too."""

    def __init__(self, settings: SupervisorSettings, shared: StorageThread | None = None) -> None:
        self._settings = settings
        self._shared = shared
        self._stack = AsyncExitStack()
        self._is_draining = False
        self._look_again = asyncio.Event()
        self._lookups: set[asyncio.Task[None]] = set()
        self._image_slots = asyncio.Semaphore(settings.slots)

    async def __aenter__(self) -> Self:
        settings = self._settings
        async with AsyncExitStack() as stack:
            storage = self._shared
            if storage is None:
                storage = StorageThread(settings.storage)
                stack.callback(storage.close)
            scratch = stack.enter_context(worker_folders(settings.storage / "workers"))
            self._storage = storage
            self._code = CodeStore(storage, settings.code or settings.storage / "code")
            self._pool = Pool(
                PoolSettings(
                    idle=settings.slots + _SPARE_WORKERS,
                    idle_seconds=settings.idle_seconds,
                    scratch=scratch,
                    zygote=self._zygote_settings(scratch),
                )
            )
            stack.push_async_callback(self._pool.close)
            self._scheduler = Scheduler(slots=settings.slots, most_begun=settings.most_begun)
            owner = secrets.token_hex(8)
            self._dispatcher = Dispatcher(
                owner, storage, self._code, self._pool, self._scheduler, on_elsewhere=self._look_again.set
            )
            stack.push_async_callback(self._dispatcher.close)
            await self._pool.start(settings.slots)
            maintenance = asyncio.create_task(self._maintain())
            stack.push_async_callback(self._end_tasks, maintenance)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_draining = True
        await self._stack.aclose()

    async def submit(self, request: CallRequest, *, queue_limit: int | None = None) -> Call:
        """Accept a call and schedule it: quicker than a `notice` of what was accepted elsewhere."""
        return await self._dispatcher.submit(request, queue_limit=queue_limit, may_claim=not self._is_draining)

    async def run(self, call_id: str) -> Call:
        """Wait until an accepted call has ended; it is run here, unless others do. Raises NotFound, StorageError."""
        return await self._dispatcher.ended(call_id)

    def notice(self, call_id: str) -> None:
        """Schedule a call that was accepted."""
        if call_id in self._dispatcher.entries or self._is_draining:
            return
        lookup = asyncio.get_running_loop().create_task(self._look(call_id))
        self._lookups.add(lookup)
        lookup.add_done_callback(self._lookups.discard)

    async def make_image(self, function: FunctionVersion) -> ImageReport:
        """Import a function's module in a sandbox, in a worker of its own, and keep the image."""
        await self._code.unpack_new(function)
        async with self._image_slots:
            worker = await self._pool.take("")
            job = ImageJob(function, worker)
            seconds = min(function.settings.limits.wall_seconds + _PREPARING_SECONDS, self._settings.image_seconds)
            try:
                return await job.result(self._pool.kill, seconds=seconds)
            finally:
                self._pool.release(worker, last=True)  # it may have compiled, and holds what that took

    async def keep_ready(self, function: FunctionVersion, count: int) -> None:
        """Keep `count` sandboxes of a function prepared, and return when they are; 0 ends it."""
        await self._code.unpack(function)
        await self._pool.keep(function, count, self._settings.slots)

    async def drain(self, timeout: float) -> None:
        """Begin nothing new that nobody waits for, and wait up to `timeout` seconds for the rest to end."""
        self._is_draining = True
        await self._dispatcher.drop_unawaited()
        end = asyncio.get_running_loop().time() + timeout
        while self._dispatcher.entries and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)

    def statistics(self) -> Statistics:
        """Count what runs and waits."""
        tally, scheduler = self._dispatcher.tally, self._scheduler
        return Statistics(
            running=scheduler.running,
            waiting=scheduler.waiting,
            queued=scheduler.queued,
            ready=self._pool.ready(),
            restarts=self._pool.restarts,
            attempts_lost=tally.attempts_lost,
            workers=tuple(
                WorkerStatus(
                    pid=worker.pid,
                    call_id=worker.job.call_id if worker.job is not None else "",
                    ready=sum(worker.ready.values()),
                )
                for worker in self._pool.workers
            ),
            ended=dict(tally.ended),
            durations=tuple(tally.durations),
            in_sandbox=tally.in_sandbox.histogram(),
            in_all=tally.in_all.histogram(),
        )

    def _zygote_settings(self, scratch: Path) -> dict[str, Any]:
        settings = self._settings
        folders = {
            "code": settings.code or settings.storage / "code",
            "storage": settings.storage,
            "local_state": settings.local_state or settings.storage / "state",
        }
        return {
            "factory": settings.factory,
            "python_path": list(settings.python_path),
            "sandbox": settings_to_fields(settings.sandbox) if settings.sandbox is not None else {},
            "folders": {name: str(path) for name, path in folders.items()},
            "scratch": str(scratch),
        }

    async def _look(self, call_id: str) -> None:
        with suppress(NotFound, StorageError):  # whoever waits for it is told; the rest is found by the next look
            await self._dispatcher.look(call_id)

    async def _maintain(self) -> None:
        """Do what is due now and then, until cancelled."""
        loop = asyncio.get_running_loop()
        next_look = next_renewal = 0.0
        while True:
            now = loop.time()
            others = self._awaited_elsewhere()
            # The full disk of this moment is no reason to stop; whoever waits for a call hears of it there.
            with suppress(StorageError):
                if now >= next_renewal:
                    next_renewal = now + _RENEW_SECONDS
                    await self._dispatcher.renew()
                if now >= next_look:
                    await self._adopt()
                for call_id in others:
                    await self._look_at_other(call_id, enqueue_running=now >= next_look)
            if now >= next_look:
                next_look = now + _LOOK_SECONDS
                self._pool.end_idle()
            self._look_again.clear()
            with suppress(TimeoutError):
                pause = _LOOK_AT_OTHERS_SECONDS if self._awaited_elsewhere() else _LOOK_SECONDS
                await asyncio.wait_for(self._look_again.wait(), pause)
                await asyncio.sleep(_LOOK_AT_OTHERS_SECONDS)

    def _awaited_elsewhere(self) -> list[str]:
        """Name the calls that somebody waits for here, and others run."""
        dispatcher = self._dispatcher
        return [call_id for call_id in dispatcher.endings.ids() if call_id not in dispatcher.entries]

    async def _look_at_other(self, call_id: str, *, enqueue_running: bool) -> None:
        try:
            await self._dispatcher.look(call_id, enqueue_running=enqueue_running)
        except NotFound as error:
            self._dispatcher.endings.fail(call_id, error)

    async def _adopt(self) -> None:
        """Find calls that others accepted, or left."""
        if not self._settings.adopt or self._is_draining or self._scheduler.queued >= _MOST_ADOPTED:
            return
        found = await self._storage.run(lambda storage: storage.calls.claimable(_MOST_ADOPTED))
        for call_id in found:
            if call_id not in self._dispatcher.entries:
                with suppress(NotFound):
                    await self._dispatcher.look(call_id, enqueue_running=True)

    async def _end_tasks(self, maintenance: asyncio.Task[None]) -> None:
        tasks = [maintenance, *self._lookups]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
