"""Let one process at a time do something; the kernel frees the lock when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pywasm_build.progress import say


@contextlib.contextmanager
def locked(path: Path, *, what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Hold the lock file `path`; wait for another holder and say once, on `stream`, who builds `what`.

    The file holds the process number of its last holder and stays: removing it would let two processes in.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace") or "unknown"
            # Another thread of this process shows itself that it is at work.
            if holder != str(os.getpid()):
                say(f"waiting for another inv (pid {holder}) that builds {what}", stream)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
