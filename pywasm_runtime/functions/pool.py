"""Keep worker processes: start them from the zygote, hand them out, end idle ones, notice their deaths."""

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.frames import Frame
from pywasm_runtime.functions.model import FunctionVersion
from pywasm_runtime.functions.wire import function_key
from pywasm_runtime.functions.worker_process import WorkerProcess
from pywasm_runtime.functions.worker_tmp import empty_folder
from pywasm_runtime.functions.zygote_process import ZygoteProcess

_MOST_FUNCTIONS = 256
"""A worker that was told of so many functions is replaced: it never forgets one."""

_ZYGOTE_TRIES = 3
_ZYGOTE_PAUSE = 0.2
_READY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """Hold how many idle workers stay, for how long more do, and what the zygote is told."""

    idle: int
    idle_seconds: float
    scratch: Path
    zygote: Mapping[str, Any]


class Pool:
    """Hold the workers of one supervisor."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._workers: dict[str, WorkerProcess] = {}
        self._idle: list[WorkerProcess] = []
        self._by_pid: dict[int, WorkerProcess] = {}
        self._ending: set[str] = set()
        self._kept: dict[str, tuple[FunctionVersion, int]] = {}
        self._zygote: ZygoteProcess | None = None
        self._starting = asyncio.Lock()
        self._number = 0
        self._is_closed = False
        self.restarts = 0

    @property
    def workers(self) -> list[WorkerProcess]:
        """Give all workers."""
        return list(self._workers.values())

    async def start(self, count: int) -> None:
        """Start the zygote and `count` workers; FunctionError if that cannot be."""
        await self._usable_zygote()
        for _ in range(count - len(self._workers)):
            self._set_idle(await self._new_worker())

    async def take(self, function: str) -> WorkerProcess:
        """Give a worker that nobody uses; one that is ready for the function if there is one."""
        while self._idle:
            worker = self._best_idle(function)
            self._idle.remove(worker)
            if worker.is_connected:
                return worker
        return await self._new_worker()

    def _best_idle(self, function: str) -> WorkerProcess:
        ready = [worker for worker in self._idle if worker.ready.get(function)]
        # One that is preparing a sandbox after its last call is waited for only if there is no other: so workers take
        # turns, and one prepares while another runs. Of several, who began first is ready first.
        others = [worker for worker in self._idle if function not in worker.ready]
        return ready[-1] if ready else others[-1] if others else self._idle[0]

    def release(self, worker: WorkerProcess, *, last: bool = False) -> None:
        """Take a worker back; with `last` it is not used again."""
        worker.job = None
        if last or worker.functions > _MOST_FUNCTIONS or self._is_closed:
            self.retire(worker)
        elif worker.is_connected:
            self._set_idle(worker)

    def retire(self, worker: WorkerProcess) -> None:
        """Let an idle worker end."""
        if worker in self._idle:
            self._idle.remove(worker)
        self._ending.add(worker.name)
        worker.close()

    def kill(self, worker: WorkerProcess) -> None:
        """End a worker that does not end by itself."""
        self._ending.add(worker.name)
        if self._zygote is not None:
            self._zygote.kill(worker.pid)

    def end_idle(self) -> None:
        """Let idle workers end that are more than needed; called now and then."""
        before = time.monotonic() - self._settings.idle_seconds
        spare = [worker for worker in self._idle[: -self._settings.idle or None] if worker.idle_since < before]
        for worker in spare:
            if not any(worker.wanted.values()):
                self.retire(worker)

    async def keep(self, function: FunctionVersion, count: int, workers: int) -> None:
        """Keep `count` prepared sandboxes of a function, over `workers` workers; returns once they are there."""
        key = function_key(function)
        if count > 0:
            self._kept[key] = (function, count)
            await self.start(workers)
        else:
            self._kept.pop(key, None)
        self._distribute()
        end = time.monotonic() + _READY_SECONDS
        while count > 0 and self.ready(key) < count:
            if time.monotonic() > end:
                raise FunctionError(f"only {self.ready(key)} of {count} sandboxes of {function.name} could be prepared")
            await asyncio.sleep(0.01)

    def ready(self, function: str | None = None) -> int:
        """Count prepared sandboxes, of one function or of all."""
        if function is not None:
            return sum(worker.ready.get(function, 0) for worker in self._workers.values())
        return sum(sum(worker.ready.values()) for worker in self._workers.values())

    async def close(self) -> None:
        """End all processes."""
        self._is_closed = True
        async with self._starting:
            zygote, self._zygote = self._zygote, None
        for worker in self.workers:
            self.retire(worker)
        if zygote is not None:
            zygote.close()
        self._all_died()
        while self._workers:  # their connections end in the next turns of the loop
            await asyncio.sleep(0.001)

    def worker_lost(self, worker: WorkerProcess) -> None:
        """Hear that a worker's connection has ended; a worker that still runs is killed."""
        if worker.exit_status is None and self._zygote is not None:
            self._zygote.kill(worker.pid)
        if worker in self._idle:
            self._idle.remove(worker)
        self._forget(worker)

    def _forget(self, worker: WorkerProcess) -> None:
        """Forget a worker once its connection and its process have ended: all that it said was heard."""
        if worker.is_connected or (worker.exit_status is None and self._zygote is not None):
            return
        if self._workers.pop(worker.name, None) is None:
            return
        self._by_pid.pop(worker.pid, None)
        folder = self._settings.scratch / worker.name
        empty_folder(folder)
        with suppress(OSError):
            folder.rmdir()
        if worker.name in self._ending:
            self._ending.discard(worker.name)
        else:
            self.restarts += 1
        job, worker.job = worker.job, None
        if job is not None:
            job.lose(_how_it_ended(worker.exit_status))
        if any(worker.wanted.values()):
            self._distribute()

    def _worker_died(self, pid: int, status: int) -> None:
        worker = self._by_pid.get(pid)
        if worker is not None:
            worker.exit_status = status
            self._forget(worker)

    def _zygote_ended(self, zygote: ZygoteProcess) -> None:
        if zygote is not self._zygote:
            return
        self._zygote = None
        self.restarts += 1
        zygote.close()
        self._all_died()

    def _all_died(self) -> None:
        """Know that the zygote has ended: the system kills all workers with their parent."""
        for worker in self.workers:
            worker.exit_status = -signal.SIGKILL if worker.exit_status is None else worker.exit_status
            self._forget(worker)

    async def _new_worker(self) -> WorkerProcess:
        zygote = await self._usable_zygote()
        self._number += 1
        worker = WorkerProcess(f"worker-{self._number}", self)
        pid, connection = await zygote.fork(worker.name)
        worker.pid = pid
        self._workers[worker.name] = self._by_pid[pid] = worker
        await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=connection)
        return worker

    async def _usable_zygote(self) -> ZygoteProcess:
        async with self._starting:
            for attempt in range(_ZYGOTE_TRIES):
                if self._is_closed:
                    raise FunctionError("the supervisor is closed")
                if self._zygote is not None:
                    return self._zygote
                zygote = ZygoteProcess(
                    self._settings.zygote, on_worker_death=self._worker_died, on_end=self._zygote_ended
                )
                try:
                    await zygote.start()
                    self._zygote = zygote
                except FunctionError:
                    if attempt == _ZYGOTE_TRIES - 1:
                        raise
                    await asyncio.sleep(_ZYGOTE_PAUSE)
            raise FunctionError("the workers' first process ends again and again; its messages are on stderr")

    def _set_idle(self, worker: WorkerProcess) -> None:
        worker.idle_since = time.monotonic()
        self._tell_wanted(worker)
        self._idle.append(worker)

    def _distribute(self) -> None:
        workers = sorted(self._workers.values(), key=lambda worker: int(worker.name.rpartition("-")[2]))
        workers = [worker for worker in workers if worker.name not in self._ending]
        for key, (_, count) in self._kept.items():
            share, rest = divmod(count, max(len(workers), 1))
            for index, worker in enumerate(workers):
                worker.wanted[key] = share + (index < rest)
        for worker in workers:
            for key in worker.wanted.keys() - self._kept.keys():
                worker.wanted[key] = 0
            if worker in self._idle:
                self._tell_wanted(worker)

    def _tell_wanted(self, worker: WorkerProcess) -> None:
        for key, count in list(worker.wanted.items()):
            if worker.told.get(key, 0) == count:
                continue
            if key in self._kept:
                worker.introduce(self._kept[key][0])
            worker.send(Frame(kind="keep", fields={"function": key, "count": count}))
            worker.told[key] = count
            if not count:
                del worker.wanted[key], worker.told[key]


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "the worker process ended with its parent"
    if status < 0:
        return f"the worker process was killed by signal {-status}"
    return f"the worker process ended with status {status}"
