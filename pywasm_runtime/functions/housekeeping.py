"""Remove now and then what is needed no longer, so that a data folder does not grow for ever: old calls, old code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pywasm_runtime.functions.code_folder import remove_others
from pywasm_runtime.functions.errors import StorageError
from pywasm_runtime.storage import StorageThread
from pywasm_runtime.storage.pruning import MAX_PRUNED

_PAUSE_SECONDS = 600.0
_BETWEEN_STEPS_SECONDS = 0.05
_BEING_CHECKED_SECONDS = 3600.0


@asynccontextmanager
async def pruning(
    storage: StorageThread, code: Path, keep_seconds: float, *, pause_seconds: float = _PAUSE_SECONDS
) -> AsyncIterator[None]:
    """Remove what ended more than `keep_seconds` ago, and code that nothing needs, as long as the body runs."""
    task = asyncio.create_task(_prune(storage, code, keep_seconds, pause_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _prune(storage: StorageThread, code: Path, keep_seconds: float, pause_seconds: float) -> None:
    while True:
        with suppress(StorageError):  # a full disk is no reason to stop: the next time there may be room
            while await storage.run(lambda opened: opened.calls.prune(keep_seconds)) >= MAX_PRUNED:
                await asyncio.sleep(_BETWEEN_STEPS_SECONDS)  # others wait for the storage, too
            kept = await storage.run(lambda opened: opened.functions.digests())
            await asyncio.to_thread(remove_others, code, kept, older_than_seconds=_BEING_CHECKED_SECONDS)
        await asyncio.sleep(pause_seconds)
