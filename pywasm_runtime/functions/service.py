"""Upload, call and look at functions: the one object that the command line and the server are built on."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pywasm_runtime.functions.deploy import Site, Upload, deploy
from pywasm_runtime.functions.errors import Busy, NotFound
from pywasm_runtime.functions.housekeeping import pruning
from pywasm_runtime.functions.model import Call, CallRequest, CallState, FunctionSettings, FunctionVersion, ImageReport
from pywasm_runtime.functions.names import quote
from pywasm_runtime.functions.runner_lock import running_queued_calls
from pywasm_runtime.functions.service_settings import ServiceSettings
from pywasm_runtime.functions.workers import OpenWorkers, Workers, open_supervisor
from pywasm_runtime.storage import StorageThread
from pywasm_runtime.storage.users import User

if TYPE_CHECKING:
    from pywasm_runtime.functions.statistics import Statistics

__all__ = ["FunctionService", "ServiceSettings"]

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 2.0
_STARTING = "preparing this machine for sandboxes; it takes about half a minute, but only the first time"
_SHUTDOWN_RETRY_SECONDS = 5.0


class FunctionService:
    """Serve one data folder; an async context manager. All methods may raise FunctionError and its kinds."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        open_workers: OpenWorkers | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        # What it leads to now: a runtime root that is made while functions run is not theirs.
        self._root = settings.root.folder.resolve()
        self.settings = settings
        self._patience_seconds = patience_seconds
        self._open_workers = open_workers or open_supervisor
        self._stack = AsyncExitStack()
        self._workers: Workers | None = None
        self._starting = asyncio.Lock()
        self._draining = False

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._storage = StorageThread(self.settings.data.path)
            stack.callback(self._storage.close)
            self._stack = stack
            if self.settings.adopt:
                stack.enter_context(running_queued_calls(self.settings.data))
                await stack.enter_async_context(
                    pruning(self._storage, self.settings.data.code, self.settings.keep_seconds)
                )
                await self._started()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._workers = None
        await self._stack.aclose()

    async def upload(
        self, user: str, name: str, archive: bytes, settings: FunctionSettings | None = None
    ) -> FunctionVersion:
        """Check code and make it the current version of a function; see `deploy`."""
        site = Site(
            root=self._root,
            newest_root=self.settings.root.folder,
            code=self.settings.data.code,
            storage=self._storage,
            make_image=self._make_image,
        )
        upload = Upload(user=user, name=name, archive=archive, settings=settings or FunctionSettings())
        return await deploy(upload, site)

    async def submit(self, request: CallRequest) -> Call:
        """Accept a call: it is kept, and run even if this process ends. Raises Busy if too many are queued."""
        if self._draining:
            raise Busy("no calls are accepted any more: the server is shutting down", _SHUTDOWN_RETRY_SECONDS)
        limit = self.settings.queue_limit
        if self._workers is not None:
            return await self._workers.submit(request, queue_limit=limit)
        return await self._storage.run(lambda storage: storage.calls.submit(request, queue_limit=limit))

    async def wait(self, call_id: str, seconds: float | None = None) -> Call:
        """Give a call once it has ended, or after `seconds` as it is then."""
        call = await self.call(None, call_id)
        if call.state in (CallState.SUCCEEDED, CallState.FAILED):
            return call
        workers = await self._started()
        if seconds is None:
            return await workers.run(call_id)
        running = asyncio.ensure_future(workers.run(call_id))
        try:
            await asyncio.wait({running}, timeout=seconds)
            return running.result() if running.done() else await self.call(None, call_id)
        finally:
            # Only the waiting ends, not the call.
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def invoke(self, request: CallRequest, accepted: Callable[[Call], None] = lambda call: None) -> Call:
        """Accept a call, tell `accepted` of it, and wait for its end."""
        if self._workers is None:
            # Starting them takes longer than saying that there is no such function.
            await self.function(request.user, request.function, request.version)
        workers = await self._started()
        call = await self.submit(request)
        accepted(call)
        return await workers.run(call.id)

    async def functions(self, user: str) -> list[FunctionVersion]:
        """Give the current versions of a user's functions, by name."""
        return await self._storage.run(lambda storage: storage.functions.names(user))

    async def function(self, user: str, name: str, version: int | None = None) -> FunctionVersion:
        """Give a version of a function, the current one by default."""
        if version is None:
            return await self._storage.run(lambda storage: storage.functions.current(user, name))
        return await self._storage.run(lambda storage: storage.functions.version(user, name, version))

    async def versions(self, user: str, name: str) -> list[FunctionVersion]:
        """Give all versions of a function, the newest first."""
        return await self._storage.run(lambda storage: storage.functions.versions(user, name))

    async def roll_back(self, user: str, name: str, version: int) -> FunctionVersion:
        """Make an older version the current one."""
        return await self._storage.run(lambda storage: storage.functions.roll_back(user, name, version))

    async def delete(self, user: str, name: str) -> None:
        """Delete a function with all its versions; calls that were accepted still run."""
        await self._storage.run(lambda storage: storage.functions.delete(user, name))

    async def keep_ready(self, function: FunctionVersion, count: int) -> None:
        """Keep `count` sandboxes of a function prepared, within its limit of instances; 0 ends it."""
        await (await self._started()).keep_ready(function, count)

    async def call(self, user: str | None, call_id: str) -> Call:
        """Give a call with everything; with `user` only if it is that user's."""
        return await self._storage.run(lambda storage: storage.calls.get(call_id, user))

    async def recent(self, user: str | None, limit: int) -> list[Call]:
        """Give the newest calls of a user, or of all, without input, output and logs."""
        return await self._storage.run(lambda storage: storage.calls.recent(user, limit))

    async def counts(self) -> dict[CallState, int]:
        """Count the calls of the data folder by their state."""
        return await self._storage.run(lambda storage: storage.calls.counts())

    async def read_state(self, user: str, key: str) -> bytes:
        """Give a value of the global tier: what functions have pushed."""
        return await self._storage.run(lambda storage: storage.state.read(user, key))

    async def write_state(self, user: str, key: str, data: bytes) -> None:
        """Replace a value of the global tier; a function sees it when it pulls the key."""
        limit = self.settings.state_bytes
        await self._storage.run(lambda storage: storage.state.write(user, key, data, limit=limit))

    async def delete_state(self, user: str, key: str) -> None:
        """Delete a value of the global tier; raises NotFound if there is none."""
        if not await self._storage.run(lambda storage: storage.state.delete(user, key)):
            raise NotFound(f"state key {quote(key)} of user {user} has no value in the global tier")

    async def authenticate(self, token: str) -> User | None:
        """Give the user whose token this is."""
        return await self._storage.run(lambda storage: storage.users.authenticate(token))

    async def add_user(self, name: str, *, admin: bool = False, renew: bool = False) -> str:
        """Add a user, or with `renew` end the token of a known one; give the token, which is not kept."""
        return await self._storage.run(lambda storage: storage.users.add(name, admin=admin, renew=renew))

    async def users(self) -> list[User]:
        """Give all users by name."""
        return await self._storage.run(lambda storage: storage.users.list())

    def statistics(self) -> "Statistics":
        """Count what runs here and how long it took; all zero before the workers are started."""
        if self._workers is not None:
            return self._workers.statistics()
        from pywasm_runtime.functions.statistics import Statistics

        return Statistics()

    async def drain(self, timeout: float) -> None:
        """Accept no more calls, and wait up to `timeout` seconds for those that run."""
        self._draining = True
        if self._workers is not None:
            await self._workers.drain(timeout)

    async def _make_image(self, function: FunctionVersion) -> ImageReport:
        return await (await self._started()).make_image(function)

    async def _started(self) -> Workers:
        """Give the workers; what they need is made when they are first needed."""
        async with self._starting:
            if self._workers is None:
                slow = asyncio.get_running_loop().call_later(self._patience_seconds, _LOG.warning, _STARTING)
                try:
                    self._workers = await self._stack.enter_async_context(
                        self._open_workers(self.settings, self._storage)
                    )
                finally:
                    slow.cancel()
            return self._workers
