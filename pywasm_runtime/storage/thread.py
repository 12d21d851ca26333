"""Use a storage from asyncio: it lives in a thread of its own, since every step may wait for the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pywasm_runtime.functions.errors import StorageError
from pywasm_runtime.storage.storage import Storage

Result = TypeVar("Result")


class StorageThread:
    """Own a storage and the thread that uses it; raises StorageError at once if it cannot be opened.

    Steps run one after the other, in the order of the calls to `run`.
    """

    def __init__(self, folder: Path, *, max_bytes: int | None = None) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._closed = False
        try:
            self._storage = self._executor.submit(Storage, folder, max_bytes=max_bytes).result()
        except BaseException:
            self._executor.shutdown()
            raise

    async def run(self, work: Callable[[Storage], Result]) -> Result:
        """Run `work` in the thread and give its result.

        If the task that waits is cancelled, a step that has begun still ends, and one that has not is left out.
        """
        if self._closed:
            raise StorageError("the storage is closed already")
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, self._storage)

    def close(self) -> None:
        """Finish the steps that were asked for, and close the storage."""
        if self._closed:
            return
        self._closed = True
        try:
            self._executor.submit(self._storage.close).result()
        finally:
            self._executor.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
