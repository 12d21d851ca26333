"""Run one guest process: a WASI command, with side modules if its main module can load them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import wasmtime

from pywasm_binary import WasmModule
from pywasm_runtime import raw
from pywasm_runtime.dl_host import IMPORT_MODULE, DlHost
from pywasm_runtime.errors import EmbedderError, GuestExit, GuestTrap, ModuleError
from pywasm_runtime.ffi_host import FfiHost
from pywasm_runtime.guest import MEMORY, STACK_POINTER, Guest
from pywasm_runtime.library import MainModule
from pywasm_runtime.linker import DynamicLinker
from pywasm_runtime.loader import Loader
from pywasm_runtime.module_cache import ModuleCache, one_line
from pywasm_runtime.mounts import Mount, MountTable
from pywasm_runtime.raw import Space
from pywasm_runtime.wasi import OWN_STREAMS, Streams, new_wasi

WASI_MODULE = "wasi_snapshot_preview1"
_STDERR = 2


@dataclass(frozen=True, kw_only=True)
class Program:
    """Hold what is run: the main module's file, its sha256 and the name under which the guest knows it."""

    path: Path
    digest: str
    guest_name: str


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """Hold a process's surroundings; `library_path` lists guest folders for side modules with bare names."""

    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    streams: Streams = OWN_STREAMS
    library_path: Sequence[str] = ()


def _exit(status: int) -> int:
    raise GuestExit(status)


class GuestProcess:
    """Run `program` once, with compiled modules from `compiled`."""

    def __init__(self, program: Program, settings: ProcessSettings, compiled: ModuleCache) -> None:
        self._program = program
        self._settings = settings
        self._compiled = compiled
        self._mounts = MountTable(settings.mounts)
        self._store = wasmtime.Store(compiled.engine)
        self._space = Space(self._store)
        self._dl_host = DlHost(self._space)
        self._ffi_host = FfiHost(compiled, self._guest)
        self._linker: DynamicLinker | None = None
        self.instance: Any = None

    def run(self) -> int:
        """Instantiate the program, run `_start` and give the exit status; raises GuestTrap, ModuleError.

        Has to be called on a thread with the engine's `thread_stack_bytes`.
        """
        try:
            self._instantiate()
            start = self._space.function(self.instance, "_start", 0, 0)
            if start is None:
                raise ModuleError(f"{self._program.guest_name}: no function _start: not a WASI command")
            self._space.call(start)
        except GuestExit as ending:
            return ending.status
        except GuestTrap:
            if self._stack_is_exhausted():
                raise GuestTrap("call stack exhausted") from None
            raise
        return 0

    def dump_traceback(self) -> None:
        """After a trap, let the guest write its Python traceback to stderr, if it knows how to.

        The trap may have come from an exhausted stack: the guest gets its reserve stack for this.
        """
        space, instance = self._space, self.instance
        if instance is None:
            return
        try:
            reserve = space.function(instance, "pywasm_trap_stack", 0, 1)
            dump = space.function(instance, "pywasm_dump_traceback", 1, 0)
            pointer = space.export_of(instance, STACK_POINTER, raw.GLOBAL)
            if reserve is not None and dump is not None and pointer is not None:
                space.set_global(pointer, space.call(reserve))
                space.call(dump, _STDERR)
        except (EmbedderError, GuestExit):
            return  # the guest is too broken to speak; its trap is reported anyway

    def _stack_is_exhausted(self) -> bool:
        """Tell whether the stack in memory has run below address 0, which traps as an access out of bounds."""
        if self.instance is None:
            return False
        pointer = self._space.export_of(self.instance, STACK_POINTER, raw.GLOBAL)
        memory = self._space.export_of(self.instance, MEMORY, raw.MEMORY)
        if pointer is None or memory is None:
            return False
        return self._space.global_value(pointer) > self._space.memory_size(memory)

    def _instantiate(self) -> None:
        settings, program = self._settings, self._program
        module = self._compiled.load(program.digest, program.path.read_bytes, program.guest_name)
        self._store.set_wasi(
            new_wasi(
                arguments=settings.arguments,
                environment=settings.environment,
                streams=settings.streams,
                mounts=settings.mounts,
            )
        )
        linker = wasmtime.Linker(self._compiled.engine)
        linker.define_wasi()
        # wasmtime's own refuses a status above 125; Python's os._exit and sys.exit go up to 255.
        linker.allow_shadowing = True
        self._define(linker, WASI_MODULE, "proc_exit", self._space.host_function(_exit, 1, results=0))
        for name, (body, params) in (self._dl_host.functions() | self._ffi_host.functions()).items():
            self._define(linker, IMPORT_MODULE, name, self._space.host_function(body, params))
        self.instance = self._link_main(linker, module)
        memory = self._space.export_of(self.instance, MEMORY, raw.MEMORY)
        if memory is not None:
            self._dl_host.attach(memory, self._dynamic_linker)

    def _define(self, linker: wasmtime.Linker, module: str, name: str, function: raw.Extern) -> None:
        linker.define(self._store, module, name, wasmtime.Func._from_raw(function.of.func))

    def _link_main(self, linker: wasmtime.Linker, module: wasmtime.Module) -> Any:
        try:
            return linker.instantiate(self._store, module)._instance
        except wasmtime.Trap as trap:
            self._space.raise_pending()
            raise GuestTrap(raw.trap_reason(trap)) from None
        except wasmtime.WasmtimeError as error:
            self._space.raise_pending()
            raise ModuleError(f"{self._program.guest_name}: {one_line(error)}") from None

    def _dynamic_linker(self) -> DynamicLinker:
        if self._linker is None:
            loader = Loader(self._mounts, self._settings.library_path)
            self._linker = DynamicLinker(self._guest(), self._main_module, loader, self._compiled)
        return self._linker

    def _guest(self) -> Guest:
        return Guest(self._space, self.instance)

    def _main_module(self) -> MainModule:
        # Mapped, because its code (nearly all of its 30 MB) is not looked at.
        with self._program.path.open("rb") as file:
            wasm = WasmModule(mmap(file.fileno(), 0, access=ACCESS_READ))
        return MainModule(self._space, self.instance, wasm, self._program.guest_name)
