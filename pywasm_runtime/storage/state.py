"""Keep the global tier of state: values in chunks, so that a part of one is read and written cheaply; append logs.

User and key are columns of their own: user `a_b` with key `c` never meets user `a` with key `b_c`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pywasm_runtime.functions.errors import FunctionError, NotFound
from pywasm_runtime.functions.names import check_key, check_user, quote
from pywasm_runtime.storage.database import Database
from pywasm_runtime.storage.state_chunks import CHUNK_BYTES, Chunks
from pywasm_runtime.storage.state_usage import check_value_size, grow, usage


@dataclass(frozen=True, kw_only=True)
class StateKey:
    """Hold a key and the size of its value in bytes."""

    key: str
    size: int


@dataclass(frozen=True, kw_only=True)
class _Head:
    """Hold the row of a key; the version is another after each write."""

    id: int
    size: int
    version: int


class State:
    """Read and write the values of all users.

    Writes raise LimitExceeded, with the key and the size, where all that the user has would exceed `limit` bytes.
    Reads raise NotFound for a key without a value.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._chunks = Chunks(database)

    def size(self, user: str, key: str) -> int:
        """Give the size of a value in bytes."""
        return self._existing(user, key).size

    def read(self, user: str, key: str) -> bytes:
        """Give a value."""
        with self._database.read():
            head = self._existing(user, key)
            return self._chunks.read(head.id, 0, head.size)

    def read_range(self, user: str, key: str, offset: int, length: int) -> bytes:
        """Give a part of a value, less than asked for where the value ends."""
        check_range(key, offset, length)
        with self._database.read():
            head = self._existing(user, key)
            return self._chunks.read(head.id, offset, min(offset + length, head.size))

    def copy_out(self, user: str, key: str, write: Callable[[int, bytes], object]) -> int:
        """Pass the chunks of a value that are not zeros, each with its offset, to `write`; gives the value's size."""
        with self._database.read():
            head = self._existing(user, key)
            for number in self._chunks.numbers(head.id):
                offset = number * CHUNK_BYTES
                write(offset, self._chunks.read(head.id, offset, min(offset + CHUNK_BYTES, head.size)))
            return head.size

    def write(self, user: str, key: str, data: bytes, *, limit: int | None = None) -> None:
        """Replace a value."""
        view = memoryview(data)
        self.copy_in(user, key, len(data), lambda offset, length: bytes(view[offset : offset + length]), limit=limit)

    def copy_in(
        self, user: str, key: str, size: int, read: Callable[[int, int], bytes], *, limit: int | None = None
    ) -> int:
        """Replace a value by what `read(offset, length)` gives; gives how many chunks had to be written."""
        check_value_size(key, size)
        with self._database.read():
            before = self._head(user, key)
            changed = self._chunks.differing(before.id if before else None, size, read)
        with self._database.write():
            if self._head(user, key) != before:  # another wrote it since: compare again, now that nobody can
                head = self._head(user, key)
                changed = self._chunks.differing(head.id if head else None, size, read)
            key_id = self._resize(user, key, size, limit)
            for number in changed:
                offset = number * CHUNK_BYTES
                self._chunks.put(key_id, number, read(offset, min(CHUNK_BYTES, size - offset)))
        return len(changed)

    def write_range(
        self, user: str, key: str, total: int, offset: int, data: bytes, *, limit: int | None = None
    ) -> None:
        """Write a part of a value that has at least `total` bytes then; what was never written is zeros."""
        check_range(key, offset, len(data))
        size = max(total, offset + len(data))
        check_value_size(key, size)
        with self._database.write():
            head = self._head(user, key)
            key_id = self._resize(user, key, max(size, head.size if head else 0), limit)
            self._chunks.write(key_id, offset, data)

    def delete(self, user: str, key: str) -> bool:
        """Delete a value and what was appended to the key; False if there was neither."""
        with self._database.write():
            cleared = self._clear(user, key)
            head = self._head(user, key)
            if head is None:
                return cleared
            self._database.execute("DELETE FROM state_keys WHERE id = ?", (head.id,))
            grow(self._database, user, key, -head.size, items=-1, limit=None)
        return True

    def keys(self, user: str, limit: int = 1000) -> list[StateKey]:
        """Give the keys with a value, by name, at most `limit`."""
        rows = self._database.rows(
            "SELECT key, size FROM state_keys WHERE user = ? ORDER BY key LIMIT ?", (check_user(user), max(limit, 0))
        )
        return [StateKey(key=str(key), size=int(size or 0)) for key, size in rows]

    def usage(self, user: str) -> int:
        """Give the bytes of all values and appended entries of a user."""
        return usage(self._database, check_user(user))

    def append(self, user: str, key: str, data: bytes, *, limit: int | None = None) -> None:
        """Append an entry to a key's log, which is apart from its value."""
        check_value_size(key, len(data))
        values = (check_user(user), check_key(key), data)
        with self._database.write():
            grow(self._database, user, key, len(data), items=1, limit=limit)
            self._database.execute("INSERT INTO appended (user, key, content) VALUES (?, ?, ?)", values)

    def appended(self, user: str, key: str, count: int = 0) -> list[bytes]:
        """Give the first `count` entries of a key's log, in order; 0 means all. There may be none."""
        rows = self._database.rows(
            "SELECT content FROM appended WHERE user = ? AND key = ? ORDER BY number LIMIT ?",
            (check_user(user), check_key(key), count if count > 0 else -1),
        )
        return [row[0] for row in rows if isinstance(row[0], bytes)]

    def clear_appended(self, user: str, key: str) -> bool:
        """Empty a key's log; False if it was empty."""
        with self._database.write():
            return self._clear(user, key)

    def _clear(self, user: str, key: str) -> bool:
        where, values = "WHERE user = ? AND key = ?", (check_user(user), check_key(key))
        size = self._database.number(f"SELECT sum(length(content)) FROM appended {where}", values)
        entries = self._database.execute(f"DELETE FROM appended {where}", values)
        if entries:
            grow(self._database, user, key, -size, items=-entries, limit=None)
        return entries > 0

    def _head(self, user: str, key: str) -> _Head | None:
        row = self._database.row(
            "SELECT id, size, version FROM state_keys WHERE user = ? AND key = ?", (check_user(user), check_key(key))
        )
        return _Head(id=int(row[0] or 0), size=int(row[1] or 0), version=int(row[2] or 0)) if row else None

    def _existing(self, user: str, key: str) -> _Head:
        head = self._head(user, key)
        if head is None:
            raise NotFound(f"state key {quote(key)} of user {user} has no value in the global tier")
        return head

    def _resize(self, user: str, key: str, size: int, limit: int | None) -> int:
        """Give the key's row the size, make it if need be; chunks that no longer belong to the value go."""
        head = self._head(user, key)
        if head is None:
            grow(self._database, user, key, size, items=1, limit=limit)
            return self._database.insert(
                "INSERT INTO state_keys (user, key, size, version) VALUES (?, ?, ?, 1)", (user, key, size)
            )
        grow(self._database, user, key, size - head.size, items=0, limit=limit)
        if size < head.size:
            self._chunks.cut(head.id, size)
        self._database.execute("UPDATE state_keys SET size = ?, version = version + 1 WHERE id = ?", (size, head.id))
        return head.id


def check_range(key: str, offset: int, length: int) -> None:
    """Refuse a part of a value that cannot be."""
    if offset < 0 or length < 0:
        raise FunctionError(f"state key {quote(key)}: offset {offset} and length {length} may not be negative")
