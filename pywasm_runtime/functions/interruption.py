"""Make a guest's Python code raise an exception while it runs, from another thread.

A guest cannot be called while it runs, but its memory can be written: CPython looks at one word between byte codes, and
raises what a pointer beside it says. native/runner.c tells where these are.
"""

import ctypes
import threading
import time
from struct import Struct

from pywasm_runtime.process import GuestProcess

_CELL = Struct("<IIII")  # addresses of the pointer and of the exception, address of the word, the bit in it
_ENTRY = "pywasm_interruption"
_TRIES = 40
_PAUSE_SECONDS = 0.005


class Interruption:
    """Hold where a process can be interrupted; `close` before its memory goes."""

    def __init__(self, process: GuestProcess) -> None:
        self._lock = threading.Lock()
        self._words: tuple[ctypes.c_uint32, int, ctypes.c_uint32, int] | None = None
        known = process.embedding.constants
        if _ENTRY not in known:
            known[_ENTRY] = process.enter(_ENTRY) or 0  # the address of a static variable
        memory = process.guest().memory
        cell = process.space.read(memory, known[_ENTRY], _CELL.size) if known[_ENTRY] else None
        if cell is None:
            return
        pending, exception, breaker, bit = _CELL.unpack(cell)
        last = process.space.memory_size(memory) - 4
        if max(pending, breaker) <= last:  # the guest can write anything there
            base = process.space.base(memory)
            at = ctypes.c_uint32.from_address
            self._words = (at(base + pending), exception, at(base + breaker), bit)

    def raise_in_guest(self) -> None:
        """Let the guest raise it once, and return when it did, or after a fifth of a second.

        The guest changes the word too, without knowing of us, so that one write can be lost: it is repeated.
        """
        if not self._write(first=True):
            return
        for _ in range(_TRIES):
            time.sleep(_PAUSE_SECONDS)
            if not self._write(first=False):
                return

    def close(self) -> None:
        """Forget the memory: nothing is written from now on."""
        with self._lock:
            self._words = None

    def _write(self, *, first: bool) -> bool:
        """Set pointer and bit; False if there is no guest any more, or it has taken the exception."""
        with self._lock:
            if self._words is None:
                return False
            pending, exception, breaker, bit = self._words
            if first:
                pending.value = exception
            elif pending.value == 0:
                return False
            breaker.value |= bit
            return True
