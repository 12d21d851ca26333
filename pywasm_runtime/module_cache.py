"""Keep compiled modules, so that each is compiled once per machine.

Loading compiled code runs it: whoever can write these files can run code as their owner. So a file is used only
if its folder belongs to this user, nobody else may write in it, and its seal (seals.py) holds.

The folder is kept below a limit. The seal's mtime says when a module was last used: setting it takes 2 µs. Even the
small modules that are generated for calls are kept: to compile one takes 0.5 ms to 25 ms, to load it 0.05 ms.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import wasmtime

from pywasm_binary.sections import HEADER
from pywasm_runtime.cache_limit import CacheLimit
from pywasm_runtime.engine import code_identity
from pywasm_runtime.errors import ModuleError, UsageError
from pywasm_runtime.seals import is_own, is_sealed, note_use, replace_file, write_seal

_REPORT_FROM_BYTES = 4 << 20
"""A module of this size takes about a second to compile: whoever waits is told."""

MAX_FOLDER_BYTES = 2 << 30
"""What the folder may hold; python.wasm takes 36 MB, so it is room for it, some hundred packages and older versions."""


def default_cache_folder() -> Path:
    """Give the user's cache folder of pywasm, the one that the build has: PYWASM_CACHE, else by the XDG rules."""
    if named := os.environ.get("PYWASM_CACHE"):
        folder = Path(named).expanduser()
        if not folder.is_absolute():
            raise UsageError(f"PYWASM_CACHE must be an absolute path, not {named!r}")
        return folder
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "pywasm"


def _say_nothing(message: str) -> None:
    del message


class ModuleCache:
    """Compile modules for `engine`, or load them from `folder` where that was done before.

    `report` gets one line before a long compilation. Where `folder` would exceed `max_bytes`, the modules that
    were not used for longest are removed.
    """

    def __init__(
        self,
        engine: wasmtime.Engine,
        folder: Path,
        report: Callable[[str], None] = _say_nothing,
        *,
        max_bytes: int = MAX_FOLDER_BYTES,
    ) -> None:
        self.engine = engine
        self._folder = folder
        self._report = report
        self._limit = CacheLimit(folder, max_bytes)
        self._usable: bool | None = None

    def load(self, digest: str, read: Callable[[], bytes], label: str) -> wasmtime.Module:
        """Give the compiled form of the module with the sha256 `digest`; `read` gives its bytes if needed.

        Raises ModuleError, with `label` in its text, if wasmtime refuses the module.
        """
        key = hashlib.sha256(f"{digest}\n{code_identity()}".encode()).hexdigest()
        path = self._folder / f"{key}.cwasm"
        if self._folder_is_safe() and is_sealed(path):
            try:
                module = wasmtime.Module.deserialize_file(self.engine, str(path))
                note_use(path)
                return module
            except wasmtime.WasmtimeError:
                pass  # written by another build of wasmtime, or just removed: compile again
        module = self._compile(read(), label)
        self._store(path, module)
        return module

    def load_bytes(self, wasm: bytes, label: str) -> wasmtime.Module:
        """Give the compiled form of a module that is at hand."""
        return self.load(hashlib.sha256(wasm).hexdigest(), lambda: wasm, label)

    def _compile(self, wasm: bytes, label: str) -> wasmtime.Module:
        if not wasm.startswith(HEADER):  # wasmtime would take it for the text format
            raise ModuleError(f"{label}: not a wasm module")
        if len(wasm) >= _REPORT_FROM_BYTES:
            self._report(f"compiling {label} for this machine (only the first time)")
        try:
            return wasmtime.Module(self.engine, bytes(wasm))
        except wasmtime.WasmtimeError as error:
            raise ModuleError(f"{label}: wasmtime refuses the module: {one_line(error)}") from None

    def _store(self, path: Path, module: wasmtime.Module) -> None:
        if not self._folder_is_safe():
            return
        code = module.serialize()
        try:
            replace_file(path, code)
            write_seal(path, hashlib.sha256(code).hexdigest())
            self._limit.added(len(code))
        except OSError as error:
            self._report(f"the compiled module cannot be kept in {self._folder}: {error}")

    def _folder_is_safe(self) -> bool:
        if self._usable is None:
            self._usable = self._prepare_folder()
        return self._usable

    def _prepare_folder(self) -> bool:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_own(self._folder.stat()):
                return True
            why = "it belongs to another user, or others may write in it"
        except OSError as error:
            why = str(error)
        self._report(f"compiled modules are not kept: {self._folder} cannot be used: {why}")
        return False


def one_line(error: Exception) -> str:
    """Give wasmtime's message on one line: what failed and, last, why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if "Caused by:" in lines and lines[-1] != "Caused by:":
        cause = last_cause(lines)
        return _printable(cause if lines[0].endswith(":") else f"{lines[0]}: {cause}")
    return _printable(lines[0]) if lines else type(error).__name__


def _printable(text: str) -> str:
    # It may have names out of the module, which could garble a terminal.
    return "".join(character if character.isprintable() else "?" for character in text)


def last_cause(lines: list[str]) -> str:
    """Give the innermost cause of a message, without the number that wasmtime gives to causes."""
    number, colon, text = lines[-1].partition(": ")
    return text if colon and number.isdigit() else lines[-1]
