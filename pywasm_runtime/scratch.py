"""Give a guest folders of its own, and remove them afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywasm_runtime.errors import UsageError
from pywasm_runtime.mounts import Mount


@contextmanager
def private_folders() -> Iterator[list[Mount]]:
    """Make an empty /tmp and a /dev with an empty file `null`, both writable, for the length of a with block.

    WASI has no devices: reading /dev/null gives nothing, what is written there is thrown away at the end.
    """
    folder = _new_folder()
    try:
        mounts = [Mount(host=folder / name, guest=f"/{name}", read_only=False) for name in ("tmp", "dev")]
        for mount in mounts:
            mount.host.mkdir(mode=0o700)
        (folder / "dev" / "null").touch()
        yield mounts
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
