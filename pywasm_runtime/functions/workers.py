"""Say what a service needs of what runs its calls; the processes of `supervisor.Supervisor` are the real thing."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pywasm_runtime.functions.model import Call, CallRequest, FunctionVersion, ImageReport
from pywasm_runtime.functions.service_settings import ServiceSettings
from pywasm_runtime.storage import StorageThread

if TYPE_CHECKING:
    from pywasm_runtime.functions.statistics import Statistics


class Workers(Protocol):
    """Accept calls and run them."""

    async def submit(self, request: CallRequest, *, queue_limit: int | None = None) -> Call:
        """Accept a call, so that it is in the storage, and schedule it; raises Busy if `queue_limit` are queued."""
        ...

    async def run(self, call_id: str) -> Call:
        """Wait until an accepted call has ended."""
        ...

    async def make_image(self, function: FunctionVersion) -> ImageReport:
        """Import a function's module in a sandbox and keep the image."""
        ...

    async def keep_ready(self, function: FunctionVersion, count: int) -> None:
        """Keep `count` sandboxes of a function prepared; 0 ends it."""
        ...

    async def drain(self, timeout: float) -> None:
        """Take nothing new, finish what runs."""
        ...

    def statistics(self) -> "Statistics":
        """Count what runs and waits."""
        ...


OpenWorkers = Callable[[ServiceSettings, StorageThread], AbstractAsyncContextManager[Workers]]
"""The service's thread is the workers' too: what they do to the storage has one order."""


@asynccontextmanager
async def open_supervisor(settings: ServiceSettings, storage: StorageThread) -> AsyncIterator[Workers]:
    """Start the processes that run calls in sandboxes."""
    # Here, as they import wasmtime, which most commands can do without.
    from pywasm_runtime.functions.sandboxes import SandboxSettings
    from pywasm_runtime.functions.supervisor import Supervisor, SupervisorSettings
    from pywasm_runtime.module_cache import default_cache_folder
    from pywasm_runtime.precompile import modules_folder

    sandbox = SandboxSettings(
        # What it leads to now: a runtime root that is made while functions run is not theirs.
        root=replace(settings.root, folder=settings.root.folder.resolve()),
        images=default_cache_folder() / "images",
        modules=modules_folder(),
        preload=settings.preload,
    )
    supervisor = Supervisor(
        SupervisorSettings(
            storage=settings.data.path,
            code=settings.data.code,
            local_state=settings.data.local_state,
            slots=settings.slots,
            sandbox=sandbox,
            adopt=settings.adopt,
        ),
        storage,
    )
    async with supervisor as workers:
        yield workers
