"""Keep functions, calls, users, state and locks in one SQLite file, which many processes may use at once."""

from pywasm_runtime.storage.local_state import LocalState
from pywasm_runtime.storage.storage import Storage
from pywasm_runtime.storage.thread import StorageThread

__all__ = ["LocalState", "Storage", "StorageThread"]
