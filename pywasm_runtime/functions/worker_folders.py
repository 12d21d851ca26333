"""Give each supervisor a folder for its workers' private ones, and remove those of supervisors that were killed."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywasm_runtime.functions.errors import StorageError
from pywasm_runtime.functions.worker_tmp import empty_folder

_LOCK = ".lock"


@contextmanager
def worker_folders(base: Path) -> Iterator[Path]:
    """Make a folder in `base` for the length of a with block; StorageError if that cannot be."""
    folder = base / secrets.token_hex(8)
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(base / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Nobody clears away a folder between its making and its locking.
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in base.iterdir():
                if left.is_dir() and not left.is_symlink():
                    _remove_abandoned(left)
            folder.mkdir(mode=0o700)
            held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(lock)
    except OSError as error:
        raise StorageError(f"no folders for workers can be made in {base}: {error.strerror}") from None
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(held)


def _remove_abandoned(folder: Path) -> None:
    """Remove the folder of a supervisor that does not live any more, which the system tells by its lock."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
        finally:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    empty_folder(folder)
    shutil.rmtree(folder, ignore_errors=True)
