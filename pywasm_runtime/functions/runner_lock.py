"""Tell whether some process runs the queued calls of a data folder.

Each such process holds a shared lock on one file; the system drops it with the process, however that ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pywasm_runtime.functions.data_folder import DataFolder

_LOOKS = 5
_BETWEEN_LOOKS = 0.003


@contextmanager
def running_queued_calls(data: DataFolder) -> Iterator[None]:
    """Let others know, as long as the body runs, that this process runs the queued calls."""
    with _opened(data) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits no longer than another process takes to look
        yield


def has_runner(data: DataFolder) -> bool:
    """Tell whether some process runs the queued calls."""
    with _opened(data) as descriptor:
        for _ in range(_LOOKS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
            except BlockingIOError:
                time.sleep(_BETWEEN_LOOKS)  # it may be another process that looks, which takes no time
        return True


@contextmanager
def _opened(data: DataFolder) -> Iterator[int]:
    descriptor = os.open(data.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # gives the lock back
