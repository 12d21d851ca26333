"""Keep a folder of cached files below a limit: what was not used for longest goes first.

A guest makes entries, by loading modules and by making up signatures, so their number has no bound of its own.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK_BYTES = 4096
"""A file takes whole blocks; for the smallest entries that is more than their content."""

_KEPT_PART = 0.75
"""How much of the limit is left after a clean-up: each reads the whole folder, so there should be few."""


@dataclass
class _Entry:
    """Hold the files of one cached thing, by the part of their names before the first dot."""

    last_use: int = 0
    size: int = 0
    paths: list[Path] = field(default_factory=list)


class CacheLimit:
    """Count what this process adds to `folder`, and clean up when there is more than `max_bytes`.

    What other processes add is seen at the first addition and at each clean-up, so that together they may exceed
    the limit for a while. An entry's last use is the latest mtime of its files.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._size: int | None = None

    def added(self, size: int) -> None:
        """Note that an entry of so many bytes was written; raises OSError if the folder cannot be read."""
        if self._size is None:
            self._size = sum(entry.size for entry in _entries(self._folder))
        else:
            self._size += _occupied(size)
        if self._size > self._max_bytes:
            self._size = _remove_oldest(self._folder, self._max_bytes)


def _entries(folder: Path) -> list[_Entry]:
    entries: dict[str, _Entry] = {}
    for file in os.scandir(folder):
        try:
            status = file.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # another process was cleaning up
        # A temporary file, left by a process that was killed, begins with a dot: it is an entry of its own.
        entry = entries.setdefault(file.name.split(".")[0] or file.name, _Entry())
        entry.last_use = max(entry.last_use, status.st_mtime_ns)
        entry.size += status.st_blocks * 512  # images have holes
        entry.paths.append(Path(file))
    return list(entries.values())


def _remove_oldest(folder: Path, max_bytes: int) -> int:
    entries = _entries(folder)
    size = sum(entry.size for entry in entries)
    if size <= max_bytes:
        return size  # another process has cleaned up since this one began to count
    for entry in sorted(entries, key=lambda entry: entry.last_use):
        if size <= max_bytes * _KEPT_PART:
            break
        for path in entry.paths:
            with suppress(OSError):
                path.unlink()
        size -= entry.size
    return size


def _occupied(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES
