"""Give a guest a folder of its own, and remove it afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywasm_runtime.errors import UsageError
from pywasm_runtime.mounts import Mount


@contextmanager
def private_tmp() -> Iterator[Mount]:
    """Make an empty /tmp for the length of a with block."""
    folder = _new_folder()
    try:
        yield Mount(host=folder, guest="/tmp", read_only=False)
    finally:
        remove_tree(folder)


def _new_folder() -> Path:
    # The module tempfile would do, but importing it costs 4 ms of the time a guest may take to start.
    base = Path(os.environ.get("TMPDIR") or "/tmp")
    while True:
        folder = base / f"pywasm-{os.urandom(8).hex()}"
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"no folder for the guest's /tmp can be made in {base}: {error.strerror}; TMPDIR can name another place"
            ) from None
        return folder


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is in it; links are removed, not followed. What cannot be removed stays."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            _remove(Path(parent, name))
    _remove(folder)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
