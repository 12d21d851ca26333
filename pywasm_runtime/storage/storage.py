"""Open the storage of a data folder: what is kept in it, by kind."""

from pathlib import Path
from types import TracebackType
from typing import Self

from pywasm_runtime.storage.calls import Calls
from pywasm_runtime.storage.database import BUSY_SECONDS, Database
from pywasm_runtime.storage.functions import Functions
from pywasm_runtime.storage.locks import Locks
from pywasm_runtime.storage.state import State
from pywasm_runtime.storage.users import Users


class Storage:
    """Hold what one thread uses of the folder's file; every thread and process opens its own.

    The file does not grow over `max_bytes` by what is done here, and another process that writes is waited for
    `busy_seconds`. Raises StorageError if the file cannot be used.
    """

    def __init__(self, folder: Path, *, busy_seconds: float = BUSY_SECONDS, max_bytes: int | None = None) -> None:
        self._database = Database(folder, busy_seconds=busy_seconds, max_bytes=max_bytes)
        self.functions = Functions(self._database)
        self.calls = Calls(self._database)
        self.users = Users(self._database)
        self.state = State(self._database)
        self.locks = Locks(self._database)

    def close(self) -> None:
        """Close the file; it cannot be used any more."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
