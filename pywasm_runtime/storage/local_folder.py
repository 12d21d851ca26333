"""Keep the files of one user's values in a folder, and count what they take.

All names are hashes: neither a user nor a key can name another's file. Whoever adds, replaces, lets grow or deletes a
file holds the folder's lock; reading and writing in place needs none.
"""

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywasm_runtime.storage.state_usage import check_items, check_total
from pywasm_runtime.storage.value_file import ValueFile, value_size

_USAGE_NAME = ".usage"
_NEW_PREFIX = ".new-"
_USAGE = struct.Struct("<QQQ")  # bytes, files, and 1 while they are being changed


class UserFolder:
    """Find the files of a user's values."""

    def __init__(self, folder: Path, user: str, limit: int) -> None:
        self.user = user
        self.limit = limit
        self.path = folder / hashlib.sha256(user.encode()).hexdigest()[:32]

    def file(self, key: str) -> Path:
        """Give the path of a value's file."""
        return self.path / hashlib.sha256(key.encode()).hexdigest()

    def open(self, key: str) -> ValueFile | None:
        """Open the file of a value, if there is one."""
        try:
            return ValueFile(self.file(key))
        except FileNotFoundError:
            return None

    @contextmanager
    def locked(self) -> "Iterator[LockedFolder]":
        """Hold the folder's lock; other processes and threads wait."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path / _USAGE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # ends with the descriptor, so also with the process
            folder = LockedFolder(self, descriptor)
            yield folder
            folder.settle()
        finally:
            os.close(descriptor)


class LockedFolder:
    """Change the files of a folder whose lock is held.

    The usage is marked as unsettled before the first change. If the process dies, or an exception ends the work under
    the lock, it stays so, and whoever holds the lock next counts anew.
    """

    def __init__(self, folder: UserFolder, descriptor: int) -> None:
        self._folder = folder
        self._descriptor = descriptor
        self._changed = self._failed = False
        usage = os.pread(descriptor, _USAGE.size, 0).ljust(_USAGE.size, b"\1")
        self._bytes, self._files, unsettled = _USAGE.unpack(usage)
        if unsettled:
            self._count()

    def open(self, key: str) -> ValueFile | None:
        """Open the file of a value, if there is one."""
        return self._folder.open(key)

    def settle(self) -> None:
        """Keep the usage, after all changes."""
        if self._changed and not self._failed:
            self._write_usage(unsettled=0)

    @contextmanager
    def new_value(self, key: str, size: int) -> Iterator[ValueFile]:
        """Give a new file, zeros of that size; after the block it takes the place of the old one, if any."""
        target = self._folder.file(key)
        old = _size_of(target)
        self._grow(key, size - (old or 0), files=0 if old is not None else 1)
        temporary = target.with_name(f"{_NEW_PREFIX}{os.urandom(8).hex()}")
        try:
            with ValueFile.create(temporary, size) as file:
                yield file
                self._grow(key, file.size() - size, files=0)
            temporary.rename(target)
        except BaseException:
            self._failed = True
            temporary.unlink(missing_ok=True)
            raise

    def grown(self, key: str, size: int) -> ValueFile:
        """Open the file of a value that exists, and let it grow to `size` if it is smaller."""
        file = ValueFile(self._folder.file(key))
        try:
            if size > (old := file.size()):
                self._grow(key, size - old, files=0)
                file.grow(size)
        except BaseException:
            file.close()
            raise
        return file

    def delete(self, key: str) -> None:
        """Delete the file of a value, if there is one."""
        target = self._folder.file(key)
        size = _size_of(target)
        if size is not None:
            self._grow(key, -size, files=-1)
            target.unlink()

    def _grow(self, key: str, size: int, *, files: int) -> None:
        total, count = self._bytes + size, self._files + files
        check_total(self._folder.user, key, size, total, self._folder.limit)
        check_items(self._folder.user, key, files, count)
        if not self._changed:
            self._changed = True
            self._write_usage(unsettled=1)
        self._bytes, self._files = max(total, 0), max(count, 0)

    def _write_usage(self, *, unsettled: int) -> None:
        os.pwrite(self._descriptor, _USAGE.pack(self._bytes, self._files, unsettled), 0)

    def _count(self) -> None:
        """Count the files; what a process left unfinished when it died is removed."""
        self._bytes = self._files = 0
        for item in os.scandir(self._folder.path):
            if item.name.startswith(_NEW_PREFIX):
                with suppress(FileNotFoundError):
                    Path(item).unlink()
            elif not item.name.startswith("."):
                self._bytes += max(value_size(item.stat(follow_symlinks=False).st_size), 0)
                self._files += 1
        self._write_usage(unsettled=0)


def _size_of(path: Path) -> int | None:
    try:
        return max(value_size(path.lstat().st_size), 0)
    except FileNotFoundError:
        return None
