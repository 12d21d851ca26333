"""Give a worker's calls their state and locks: the storage is opened when the first call needs it."""

import time
from pathlib import Path

from pywasm_runtime.functions.call_line import CallLine
from pywasm_runtime.functions.errors import NotFound
from pywasm_runtime.functions.names import quote
from pywasm_runtime.storage import LocalState, Storage

LOCK_LEASE_SECONDS = 10.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


class WorkerStorage:
    """Hold the folders of state; belongs to the worker's guest thread. `storage` is None until it is needed."""

    def __init__(self, storage_folder: Path, local_folder: Path) -> None:
        self._storage_folder = storage_folder
        self._local_folder = local_folder
        self._storage: Storage | None = None

    def open(self) -> Storage:
        """Give the storage."""
        if self._storage is None:
            self._storage = Storage(self._storage_folder)
        return self._storage

    def local(self, limit_bytes: int) -> LocalState:
        """Give the local tier, with the user's limit."""
        return LocalState(self._local_folder, self.open().state, limit_bytes)

    def close(self) -> None:
        """Close the storage."""
        if self._storage is not None:
            self._storage.close()
            self._storage = None


class StateAccess:
    """Hold what one call has of state; `holder` is the call's id, `deadline` by time.monotonic ends all waiting."""

    def __init__(self, storage: WorkerStorage, *, user: str, holder: str, limit_bytes: int, deadline: float) -> None:
        self._storage = storage
        self._user = user
        self._holder = holder
        self._limit = limit_bytes
        self._deadline = deadline
        self._local: LocalState | None = None
        self._has_locked = False

    @property
    def local(self) -> LocalState:
        """Give the local tier."""
        if self._local is None:
            self._local = self._storage.local(self._limit)
        return self._local

    def lock(self, key: str, exclusive: bool, seconds: float, line: CallLine) -> bool:
        """Lock a key, waiting up to `seconds`; the slot is given up meanwhile, as the holder may need it."""
        if not self._has_locked:
            line.hold_locks()
            self._has_locked = True
        if self._acquire(key, exclusive):
            return True
        if seconds <= 0:
            return False
        line.pause()
        try:
            return self._poll(key, exclusive, min(time.monotonic() + seconds, self._deadline))
        finally:
            line.resume()

    def unlock(self, key: str) -> None:
        """Unlock a key; NotFound if this call has not locked it, or not for as long as its lease."""
        if not self._storage.open().locks.release(self._user, key, self._holder):
            raise NotFound(f"this call has no lock on state key {quote(key)}")

    def release_all(self) -> None:
        """Unlock what the call has locked."""
        if self._has_locked:
            self._storage.open().locks.release_all(self._holder)

    def _acquire(self, key: str, exclusive: bool) -> bool:
        locks = self._storage.open().locks
        return locks.acquire(self._user, key, self._holder, exclusive, LOCK_LEASE_SECONDS)

    def _poll(self, key: str, exclusive: bool, end: float) -> bool:
        pause = _SHORTEST_PAUSE
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            if self._acquire(key, exclusive):
                return True
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return False
