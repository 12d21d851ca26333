"""Keep a value in a file that can be mapped: it is padded with zeros to whole pages of WebAssembly.

The value's size is in the file's length, and nowhere else, so that the two cannot disagree: the length is the padded
size, plus the number of padding bytes. So a length of 131071 is a value of one byte: 65536 and 65535.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pywasm_runtime.functions.errors import StorageError

PAGE_BYTES = 64 << 10


def file_length(size: int) -> int:
    """Give the length of the file of a value."""
    return 2 * padded_size(size) - size


def value_size(length: int) -> int:
    """Give the size of the value in a file of that length; less than 0 if it is no such file."""
    padded = length - length % PAGE_BYTES
    return 2 * padded - length


def padded_size(size: int) -> int:
    """Round up to whole pages."""
    return -(-size // PAGE_BYTES) * PAGE_BYTES


class ValueFile:
    """Hold an open file of a value; raises OSError where the machine refuses."""

    def __init__(self, path: Path, flags: int = 0) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)

    @classmethod
    def create(cls, path: Path, size: int) -> Self:
        """Make a file with a value of zeros."""
        file = cls(path, os.O_CREAT | os.O_EXCL)
        try:
            file.resize(size)
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def size(self) -> int:
        """Give the value's size in bytes."""
        size = value_size(os.fstat(self._descriptor).st_size)
        if size < 0:
            raise StorageError(f"{self.path} is damaged: it has not the length of a value's file; remove it")
        return size

    def read(self, offset: int, length: int) -> bytes:
        """Give a part of the value, less than asked for where it ends."""
        rest = max(min(length, self.size() - offset), 0)
        pieces: list[bytes] = []
        while rest and (piece := os.pread(self._descriptor, rest, offset)):
            pieces.append(piece)
            offset, rest = offset + len(piece), rest - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes in place; the value must be large enough."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            offset, view = offset + written, view[written:]

    def grow(self, size: int) -> None:
        """Make the value larger, with zeros."""
        old = self.size()
        # Whoever has the file mapped could write behind the value, up to the end of the page.
        self.write(old, bytes(min(padded_size(old), size) - old))
        self.resize(size)

    def resize(self, size: int) -> None:
        """Set the value's size; to make it smaller is only right for a file that nobody has mapped."""
        os.ftruncate(self._descriptor, file_length(size))

    def allocate(self) -> None:
        """Take the blocks of the whole value: who writes into a mapping cannot be told that the disk is full."""
        size = padded_size(self.size())
        if size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, 0, size)
