"""A service over a folder of its own, with fake workers and a runtime root that has no Python in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pywasm_runtime.embedding import Program
from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.data_folder import open_data_folder
from pywasm_runtime.functions.service import FunctionService
from pywasm_runtime.functions.service_settings import ServiceSettings
from pywasm_runtime.runtime_root import RuntimeRoot
from tests.unit.fake_workers import FakeOpener
from tests.unit.test_requirements import make_root

Result = TypeVar("Result")
SOURCE = b"def faasm_main():\n    pass\n\ndef fail():\n    raise ValueError\n\ndef slow():\n    pass\n"


def settings(folder: Path, *, queue_limit: int = 1000, adopt: bool = False) -> ServiceSettings:
    root = folder / "root"
    if not root.is_dir():
        make_root(root)
    program = Program(path=root / "python.wasm", digest="0" * 64, guest_name="/python.wasm")
    return ServiceSettings(
        data=open_data_folder(folder / "data"),
        root=RuntimeRoot(folder=root, program=program),
        slots=1,
        queue_limit=queue_limit,
        adopt=adopt,
    )


def source(function: str = "hello", code: bytes = SOURCE) -> bytes:
    return pack_source(code, function)


def with_service(
    folder: Path,
    body: Callable[[FunctionService], Awaitable[Result]],
    *,
    opener: FakeOpener | None = None,
    queue_limit: int = 1000,
    adopt: bool = False,
) -> Result:
    """Run a test's body in an event loop of its own."""

    async def run() -> Result:
        chosen = settings(folder, queue_limit=queue_limit, adopt=adopt)
        async with FunctionService(chosen, open_workers=opener or FakeOpener()) as service:
            return await body(service)

    return asyncio.run(asyncio.wait_for(run(), 60))
