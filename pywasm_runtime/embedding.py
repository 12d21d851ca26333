"""Hold what all processes of one program share: its compiled module, the host's functions, what its binary says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from pywasm_binary import WasmModule
from pywasm_runtime import raw
from pywasm_runtime.dl_host import DL_FUNCTIONS, IMPORT_MODULE
from pywasm_runtime.errors import ModuleError
from pywasm_runtime.ffi_host import FFI_FUNCTIONS
from pywasm_runtime.host_linker import HostLinker
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.raw import Space

WASI_MODULE = "wasi_snapshot_preview1"
HOST_MODULE = "pywasm_host"
"""Where the linker keeps the functions that a guest looks up by name; no program imports them."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Hold what is run: the main module's file, its sha256 and the name under which the guest knows it."""

    path: Path
    digest: str
    guest_name: str


class Embedding:
    """Run processes of `program`; `looked_up` has further functions of the host, by name and number of parameters.

    constants: what entry points gave that give the same in every process, by name.
    """

    def __init__(self, program: Program, compiled: ModuleCache, looked_up: Mapping[str, int] | None = None) -> None:
        self.program = program
        self.compiled = compiled
        self.looked_up = dict(looked_up or {})
        self._entrances: set[tuple[str, int]] = set()
        self.constants: dict[str, int] = {}
        self.module = compiled.load(program.digest, program.path.read_bytes, program.guest_name)
        self.linker = HostLinker(compiled.engine)
        # wasmtime's own refuses a status above 125; Python's os._exit and sys.exit go up to 255.
        self.linker.define(WASI_MODULE, {"proc_exit": 1}, results=0)
        self.linker.define(IMPORT_MODULE, DL_FUNCTIONS | FFI_FUNCTIONS)
        self.linker.define(HOST_MODULE, self.looked_up)
        try:
            self._prepared = self.linker.prepare(self.module)
        except ModuleError as error:
            raise ModuleError(f"{program.guest_name}: {error}") from None

    def instantiate(self, space: Space) -> Any:
        """Make the main module's instance in a store; raises GuestTrap, GuestExit, ModuleError."""
        try:
            return self.linker.instantiate(self._prepared, space)
        except ModuleError as error:
            raise ModuleError(f"{self.program.guest_name}: {error}") from None

    def entrance(self, space: Space, instance: Any, name: str, results: int) -> raw.Extern | None:
        """Give an exported function without parameters; None if there is none, ModuleError if it has another type.

        The type is looked at once for all processes: they have the same main module.
        """
        if (name, results) in self._entrances:
            return space.export(instance, name)
        found = space.function(instance, name, 0, results)
        if found is not None:
            self._entrances.add((name, results))
        return found

    def function(self, space: Space, name: str) -> raw.Extern | None:
        """Give a function that the guest may look up, None if there is none."""
        return self.linker.function(space, HOST_MODULE, name) if name in self.looked_up else None

    @cached_property
    def wasm(self) -> WasmModule:
        """Read the binary: mapped, because its code (nearly all of its bytes) is not looked at."""
        with self.program.path.open("rb") as file:
            return WasmModule(mmap(file.fileno(), 0, access=ACCESS_READ))
