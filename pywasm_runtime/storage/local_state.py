"""Keep the local tier of state: one file a key, shared by all workers of this machine.

The methods are the state functions of the host interface. What is read and not here is fetched from the global tier;
what is written stays here until it is pushed. Appended entries go to the global tier at once.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywasm_runtime.functions.errors import NotFound, StorageError
from pywasm_runtime.functions.names import check_key, check_user, quote
from pywasm_runtime.storage.local_folder import LockedFolder, UserFolder
from pywasm_runtime.storage.state import State, check_range
from pywasm_runtime.storage.state_usage import check_value_size
from pywasm_runtime.storage.value_file import ValueFile


class LocalState:
    """Read and write the values that functions share on this machine.

    `folder` belongs to one global tier. Writes raise LimitExceeded where all that the user has, here or there, would
    exceed `limit_bytes`; reads raise NotFound for a key without a value in both tiers.
    """

    def __init__(self, folder: Path, storage_state: State, limit_bytes: int) -> None:
        self._folder = folder
        self._global = storage_state
        self._limit = limit_bytes

    def state_size(self, user: str, key: str) -> int:
        """Give the size of a value in bytes."""
        with self._translated(key):
            file = self._user(user).open(check_key(key))
            if file is None:
                return self._global.size(user, key)
            with file:
                return file.size()

    def read_state(self, user: str, key: str) -> bytes:
        """Give a value."""
        with self._opened(user, key) as file:
            return file.read(0, file.size())

    def read_state_range(self, user: str, key: str, offset: int, length: int) -> bytes:
        """Give a part of a value, less than asked for where the value ends."""
        check_range(key, offset, length)
        with self._opened(user, key) as file:
            return file.read(offset, length)

    def write_state(self, user: str, key: str, data: bytes) -> None:
        """Replace a value. Who has the old one mapped keeps that, apart from the new one."""
        check_value_size(check_key(key), len(data))
        with self._translated(key), self._user(user).locked() as folder, folder.new_value(key, len(data)) as file:
            file.write(0, data)

    def write_state_range(self, user: str, key: str, total: int, offset: int, data: bytes) -> None:
        """Write a part of a value that has at least `total` bytes then; what was never written is zeros."""
        check_range(key, offset, len(data))
        size = max(total, offset + len(data))
        check_value_size(check_key(key), size)
        with self._grown(user, key, size) as file:
            file.write(offset, data)

    def push_state(self, user: str, key: str) -> None:
        """Make the value of the global tier what it is here; raises NotFound if it was not read or written here."""
        with self._present(user, key) as file:
            self._global.copy_in(user, key, file.size(), file.read, limit=self._limit)

    def push_state_range(self, user: str, key: str, offset: int, length: int) -> None:
        """Make a part of the global tier's value what it is here."""
        check_range(key, offset, length)
        with self._present(user, key) as file:
            size, data = file.size(), file.read(offset, length)
            self._global.write_range(user, key, size, min(offset, size), data, limit=self._limit)

    def pull_state(self, user: str, key: str) -> None:
        """Make the value here what it is in the global tier; raises NotFound if it has none."""
        with self._translated(key), self._user(user).locked() as folder:
            self._fetch(folder, user, check_key(key))

    def delete_state(self, user: str, key: str) -> None:
        """Delete a value in both tiers, and what was appended to the key."""
        with self._translated(key), self._user(user).locked() as folder:
            folder.delete(check_key(key))
            self._global.delete(user, key)

    def append_state(self, user: str, key: str, data: bytes) -> None:
        """Append an entry to the key's log in the global tier."""
        self._global.append(user, key, data, limit=self._limit)

    def read_appended(self, user: str, key: str, count: int = 0) -> bytes:
        """Give the first `count` entries of the key's log, 0 means all; before each its length, a little-endian u32."""
        entries = self._global.appended(user, key, count)
        return b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)

    def clear_appended(self, user: str, key: str) -> None:
        """Empty the key's log."""
        self._global.clear_appended(user, key)

    def path_for_map(self, user: str, key: str, size: int) -> Path:
        """Give the file to map, shared: the value has at least `size` bytes then, at the file's begin.

        The file has at least the value's size rounded up to 64 KiB, and its blocks are there, so that no access to
        the mapping can fail. It never shrinks; `write_state` and `pull_state` replace it by another.
        """
        check_value_size(check_key(key), size)
        with self._grown(user, key, size) as file:
            file.allocate()
            return file.path

    def _user(self, user: str) -> UserFolder:
        return UserFolder(self._folder, check_user(user), self._limit)

    @contextmanager
    def _opened(self, user: str, key: str) -> Iterator[ValueFile]:
        with self._translated(key):
            folder = self._user(user)
            file = folder.open(check_key(key))
            if file is None:
                with folder.locked() as locked:
                    file = locked.open(key)  # another may have been first
                    if file is None:
                        self._fetch(locked, user, key)
                        file = locked.grown(key, 0)
            with file:
                yield file

    @contextmanager
    def _present(self, user: str, key: str) -> Iterator[ValueFile]:
        with self._translated(key):
            file = self._user(user).open(check_key(key))
            if file is None:
                raise NotFound(f"state key {quote(key)} has no value on this machine that could be pushed")
            with file:
                yield file

    @contextmanager
    def _grown(self, user: str, key: str, size: int) -> Iterator[ValueFile]:
        """Open a value for writing, make it and let it grow if need be."""
        with self._translated(key):
            folder = self._user(user)
            file = folder.open(check_key(key))
            if file is None or file.size() < size:
                if file is not None:
                    file.close()
                with folder.locked() as locked:
                    file = self._grow(locked, user, key, size)
            with file:
                yield file

    def _grow(self, folder: LockedFolder, user: str, key: str, size: int) -> ValueFile:
        file = folder.open(key)
        if file is not None:
            file.close()
        else:
            try:
                self._fetch(folder, user, key)
            except NotFound:
                with folder.new_value(key, size):
                    pass  # zeros
        return folder.grown(key, size)

    def _fetch(self, folder: LockedFolder, user: str, key: str) -> None:
        with folder.new_value(key, self._global.size(user, key)) as file:
            size = self._global.copy_out(user, key, file.write)
            file.resize(size)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise StorageError(
                f"state key {quote(key)} cannot be kept in {self._folder}: {reason}; see whether the disk is full"
            ) from error
