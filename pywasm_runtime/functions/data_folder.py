"""Find the folder in which functions, calls and state are kept, and say where in it what lies.

pywasm.sqlite   functions, calls, the global tier of state, users
code/           the unpacked archives, by digest; made again from the database
state/          the local tier of state
logs/           what the background process wrote
runners.lock    held by each process that runs the queued calls of this folder
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.errors import UsageError
from pywasm_runtime.functions.errors import StorageError

DATA_VARIABLE = "PYWASM_DATA"


@dataclass(frozen=True, kw_only=True)
class DataFolder:
    """Hold the folder's path; `open_data_folder` makes one that is safe to use."""

    path: Path

    @property
    def code(self) -> Path:
        """Give the folder of unpacked archives."""
        return self.path / "code"

    @property
    def local_state(self) -> Path:
        """Give the folder of the local tier of state."""
        return self.path / "state"

    @property
    def log(self) -> Path:
        """Give the file that the background process writes its messages into."""
        return self.path / "logs" / "background.log"

    @property
    def lock(self) -> Path:
        """Give the file whose lock says that queued calls are taken care of."""
        return self.path / "runners.lock"


def default_data_path(environ: Mapping[str, str]) -> Path:
    """Give the folder that PYWASM_DATA names, else the user's by the XDG rules; UsageError for a relative path."""
    if named := environ.get(DATA_VARIABLE):
        path = Path(named).expanduser()
        if not path.is_absolute():
            raise UsageError(f"{DATA_VARIABLE} must be an absolute path, not {named!r}")
        return path
    base = environ.get("XDG_DATA_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share") / "pywasm"


def open_data_folder(path: Path) -> DataFolder:
    """Make the folder, for its owner alone, if it is not there; StorageError if it cannot be trusted with functions.

    Whoever can write in it can have code of theirs run, and read what functions keep.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        raise StorageError(f"the data folder {path} cannot be made: {error.strerror}; {_advice()}") from None
    if status.st_uid != os.getuid():
        raise StorageError(f"the data folder {path} belongs to another user; {_advice()}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StorageError(f"others may write in the data folder {path}; close it with: chmod 700 {path}")
    return DataFolder(path=path)


def _advice() -> str:
    return f"name another one in {DATA_VARIABLE}"
