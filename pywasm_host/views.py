"""View a value of the state in memory, where the machine allows without a copy."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pywasm_host.backend import host
from pywasm_host.errors import HostUnavailable, NotFound
from pywasm_host.state import natural, read_state_range, state_size, write_state_range

PAGE = 65536
_ALONE = 2  # what sys.getrefcount says of an object that one attribute holds


@contextmanager
def state_view(key: str, size: int | None = None) -> Iterator[memoryview]:
    """Give a writable view of a value in the local tier for the length of a with block.

    Where the machine allows, nothing is copied, and calls that view the value at once see each other's writes;
    elsewhere it is read at the begin and written back at the end, also after an exception. An array made of the view,
    as by `numpy.frombuffer`, is good for the with block only.

    size: how many bytes to view; a value that is shorter grows to it, by default all that there is. NotFound without
    `size` for a key that has no value.
    """
    length = state_size(key) if size is None else natural("size", size)
    region = _Region(length)
    try:
        shared = region.map(key)
        if not shared:
            region.view[:] = _padded(key, length)
        try:
            yield region.view
        finally:
            if not shared:
                write_state_range(key, 0, bytes(region.view), size=length)
    finally:
        region.close()


def _padded(key: str, length: int) -> bytes:
    try:
        return read_state_range(key, 0, length).ljust(length, b"\0")
    except NotFound:
        return bytes(length)


class _Region:
    """Hold whole pages of memory, `view` is the part that the value takes.

    They go back to the allocator only if no file was mapped over them, and nobody points into them any more.
    """

    def __init__(self, length: int) -> None:
        library = ctypes.CDLL(None)
        self._free, allocate = library.free, library.aligned_alloc
        self._free.argtypes, self._free.restype = [ctypes.c_void_p], None
        allocate.argtypes, allocate.restype = [ctypes.c_size_t, ctypes.c_size_t], ctypes.c_void_p
        size = max(PAGE, -(-length // PAGE) * PAGE)
        if size > sys.maxsize:  # in 32 bits it would wrap around
            raise MemoryError(f"no room for a view of {length} bytes")
        self._length, self._mapped = length, False
        self._address: int | None = allocate(PAGE, size)
        if not self._address:
            raise MemoryError(f"no room for a view of {length} bytes")
        self._pages = (ctypes.c_char * length).from_address(self._address)
        self.view = memoryview(self._pages).cast("B")

    def map(self, key: str) -> bool:
        """Map the key's value over the pages; False where the machine cannot."""
        if not self._length:
            return False
        try:
            host().map_state(key, self._address, self._length)
        except HostUnavailable:
            return False
        self._mapped = True
        return True

    def close(self) -> None:
        """End the view, and give the memory back if that is safe."""
        try:
            self.view.release()
        except BufferError:
            return
        # An array of the author's that still points into the pages holds them, too.
        if not self._mapped and sys.getrefcount(self._pages) == _ALONE:
            self._free(self._address)
