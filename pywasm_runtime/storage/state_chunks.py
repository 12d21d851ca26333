"""Read and write the chunks of a value; one that is missing, and the end of one that is short, is zeros."""

from collections.abc import Callable

from pywasm_runtime.storage.database import Database

CHUNK_BYTES = 64 << 10


class Chunks:
    """Keep the chunks of all values, by the number of the key's row. Use it within a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def numbers(self, key: int) -> list[int]:
        """Give the numbers of the chunks that are there."""
        rows = self._database.rows("SELECT number FROM state_chunks WHERE key = ? ORDER BY number", (key,))
        return [int(row[0] or 0) for row in rows]

    def read(self, key: int, start: int, end: int) -> bytes:
        """Give the bytes from `start` to `end`."""
        if start >= end:
            return b""
        content = bytearray(end - start)
        rows = self._database.rows(
            "SELECT number, content FROM state_chunks WHERE key = ? AND number BETWEEN ? AND ?",
            (key, start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES),
        )
        for number, chunk in rows:
            if isinstance(chunk, bytes):
                _place(content, int(number or 0) * CHUNK_BYTES - start, chunk)
        return bytes(content)

    def write(self, key: int, offset: int, data: bytes) -> None:
        """Write bytes at an offset, over as many chunks as it takes."""
        view = memoryview(data)
        while view:
            number, start = divmod(offset, CHUNK_BYTES)
            piece = view[: CHUNK_BYTES - start]
            chunk = bytearray(b"" if len(piece) == CHUNK_BYTES else self._get(key, number))
            chunk.extend(bytes(max(start + len(piece) - len(chunk), 0)))
            chunk[start : start + len(piece)] = piece
            self.put(key, number, bytes(chunk))
            offset, view = offset + len(piece), view[len(piece) :]

    def put(self, key: int, number: int, content: bytes) -> None:
        """Keep a whole chunk."""
        if content == bytes(len(content)):
            self._database.execute("DELETE FROM state_chunks WHERE key = ? AND number = ?", (key, number))
        else:
            self._database.execute("INSERT OR REPLACE INTO state_chunks VALUES (?, ?, ?)", (key, number, content))

    def cut(self, key: int, size: int) -> None:
        """Forget what lies behind `size`: it must not come back if the value grows again."""
        last, rest = divmod(size, CHUNK_BYTES)
        self._database.execute("DELETE FROM state_chunks WHERE key = ? AND number > ?", (key, last))
        self.put(key, last, self._get(key, last)[:rest])

    def differing(self, key: int | None, size: int, read: Callable[[int, int], bytes]) -> list[int]:
        """Give the numbers of the chunks that are not what `read(offset, length)` gives; None is a key without any."""
        changed = []
        for number in range(-(-size // CHUNK_BYTES)):
            offset = number * CHUNK_BYTES
            length = min(CHUNK_BYTES, size - offset)
            kept = b"" if key is None else self._get(key, number)[:length]
            if read(offset, length) != kept.ljust(length, b"\0"):
                changed.append(number)
        return changed

    def _get(self, key: int, number: int) -> bytes:
        row = self._database.row("SELECT content FROM state_chunks WHERE key = ? AND number = ?", (key, number))
        return row[0] if row and isinstance(row[0], bytes) else b""


def _place(content: bytearray, position: int, chunk: bytes) -> None:
    """Copy what of the chunk lies within `content`; `position` may be before its begin."""
    begin, skipped = max(position, 0), max(-position, 0)
    piece = chunk[skipped : skipped + len(content) - begin]
    content[begin : begin + len(piece)] = piece
