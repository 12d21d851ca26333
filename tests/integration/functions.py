"""Functions as their authors use them: upload a text, call it, look at what came of it. All of it is real."""

from __future__ import annotations

import asyncio
import textwrap
import threading
from collections.abc import Awaitable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.functions.model import Call, CallRequest, FunctionSettings, FunctionVersion, Limits
from pywasm_runtime.functions.service import FunctionService, ServiceSettings
from pywasm_runtime.module_cache import default_cache_folder
from pywasm_runtime.runtime_root import find_runtime_root

USER = "tester"
CHECKOUT = Path(__file__).resolve().parents[2]
_TIMEOUT = 120.0

T = TypeVar("T")


class Functions:
    """A service on a data folder of its own; its loop runs in a thread beside the tests."""

    def __init__(self, service: FunctionService, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self._loop = loop

    @property
    def images(self) -> Path:
        """Give the folder of images, which all services of a user share."""
        return default_cache_folder() / "images"

    def wait(self, work: Awaitable[T]) -> T:
        """Run something of the service's loop to its end."""

        async def bounded() -> T:
            return await asyncio.wait_for(work, _TIMEOUT)

        done: Future[T] = asyncio.run_coroutine_threadsafe(bounded(), self._loop)
        return done.result()

    def upload(self, name: str, source: str, *, user: str = USER, **settings: Any) -> FunctionVersion:
        """Make a function out of a source text; `limits` are by keyword."""
        limits = Limits(**{key: value for key, value in settings.items() if key in Limits.__dataclass_fields__})
        rest = {key: value for key, value in settings.items() if key not in Limits.__dataclass_fields__}
        archive = pack_source(textwrap.dedent(source).encode(), name)
        return self.wait(self.service.upload(user, name, archive, FunctionSettings(limits=limits, **rest)))

    def call(self, name: str, content: bytes = b"", *, user: str = USER, **request: Any) -> Call:
        """Call a function and wait for its end."""
        return self.wait(self.service.invoke(CallRequest(user=user, function=name, input=content, **request)))

    def output(self, name: str, content: bytes = b"", **request: Any) -> bytes:
        """Give the output of a call that succeeds."""
        call = self.call(name, content, **request)
        assert call.outcome is not None
        assert call.outcome.error == "", call.outcome.traceback or call.outcome.error
        return call.outcome.output


@contextmanager
def running_functions(folder: Path, **settings: Any) -> Iterator[Functions]:
    """Open a service for the length of a with block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="service")
    thread.start()
    defaults: dict[str, Any] = {"slots": 2, "preload": ("numpy",)}
    root = find_runtime_root(CHECKOUT)
    service = FunctionService(ServiceSettings(data=DataFolder(path=folder), root=root, **{**defaults, **settings}))
    functions = Functions(service, loop, folder)
    try:
        functions.wait(service.__aenter__())
        try:
            yield functions
        finally:
            functions.wait(service.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
