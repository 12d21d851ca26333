"""Answer the guest's dlopen, dlsym, dlclose and dlerror: the import module `pywasm`.

A failure is kept as text until the guest asks for it, as dlerror does; nothing is raised into wasmtime,
except that a guest which exits in a constructor must exit.
"""

from collections.abc import Callable

from pywasm_runtime.errors import EmbedderError, GuestExit, LinkError
from pywasm_runtime.linker import DynamicLinker
from pywasm_runtime.raw import Extern, Space

IMPORT_MODULE = "pywasm"
DL_FUNCTIONS = {"dlopen": 3, "dlsym": 3, "dlclose": 1, "dlerror": 2}
"""The functions and their numbers of parameters, all i32, as the result is."""

_MAX_TEXT_BYTES = 1 << 16
"""Longest path or symbol that a guest may name; C++ symbols of some kilobytes do exist."""


class DlHost:
    """Hold the host functions of one guest; `linker` and `memory` exist once the guest is instantiated."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._linker: Callable[[], DynamicLinker] | None = None
        self._memory: Extern | None = None
        self._message = b""

    def attach(self, memory: Extern, linker: Callable[[], DynamicLinker]) -> None:
        """Connect the host functions to the instantiated guest."""
        self._memory, self._linker = memory, linker

    def functions(self) -> dict[str, Callable[..., int]]:
        """Map each function's name to its body."""
        return {"dlopen": self._dlopen, "dlsym": self._dlsym, "dlclose": self._dlclose, "dlerror": self._dlerror}

    def _dlopen(self, path: int, length: int, flags: int) -> int:
        def act(linker: DynamicLinker) -> int:
            return linker.open(self._text(path, length) if path else None, flags)

        return self._answer(act, failure=0)

    def _dlsym(self, handle: int, name: int, length: int) -> int:
        return self._answer(lambda linker: linker.symbol(handle, self._text(name, length)), failure=0)

    def _dlclose(self, handle: int) -> int:
        def act(linker: DynamicLinker) -> int:
            linker.close(handle)
            return 0

        return self._answer(act, failure=-1)

    def _dlerror(self, buffer: int, capacity: int) -> int:
        message = self._message
        if not message or self._memory is None:
            return 0
        self._space.write(self._memory, buffer, message[:capacity])
        if capacity >= len(message):
            self._message = b""
        return len(message)

    def _answer(self, act: Callable[[DynamicLinker], int], failure: int) -> int:
        try:
            if self._linker is None:
                raise LinkError("side modules cannot be used before the guest is instantiated")
            return act(self._linker())
        except GuestExit:
            raise
        except EmbedderError as error:
            self._fail(str(error))
        except Exception as error:  # a defect of ours: the guest gets an error it can report, not a dead process
            self._fail(f"internal error of the dynamic linker: {type(error).__name__}: {error}")
        return failure

    def _fail(self, message: str) -> None:
        # Names in it come from untrusted files: what is not printable would garble a terminal.
        printable = "".join(character if character.isprintable() else "?" for character in message)
        self._message = printable.encode("utf-8", "replace")

    def _text(self, address: int, length: int) -> str:
        if length > _MAX_TEXT_BYTES:
            raise LinkError(f"a name of {length} bytes")
        raw = self._space.read(self._memory, address, length)
        if raw is None:
            raise LinkError(f"a name outside of the guest's memory (at {address:#x}, {length} bytes)")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise LinkError("a name that is not UTF-8") from None
