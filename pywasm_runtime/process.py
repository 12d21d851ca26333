"""Run one guest process: a WASI command, with side modules if its main module can load them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import wasmtime

from pywasm_binary import WasmModule
from pywasm_runtime import raw
from pywasm_runtime.dl_host import DlHost
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.errors import EmbedderError, GuestExit, GuestTrap, ModuleError
from pywasm_runtime.ffi_host import FfiHost, FfiState
from pywasm_runtime.guest import MEMORY, STACK_POINTER, Guest
from pywasm_runtime.library import MainModule
from pywasm_runtime.linker import DynamicLinker, LinkerState
from pywasm_runtime.loader import Loader
from pywasm_runtime.mounts import Mount, MountTable
from pywasm_runtime.raw import Space
from pywasm_runtime.wasi import OWN_STREAMS, Streams, new_wasi
from pywasm_runtime.wiring import Wiring

_STDERR = 2


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """Hold a process's surroundings; `library_path` lists guest folders for side modules with bare names."""

    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    streams: Streams = OWN_STREAMS
    library_path: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class StoreLimits:
    """Limit what a guest may grow to; -1 is no limit."""

    memory_bytes: int = -1
    table_slots: int = -1
    instances: int = -1
    memories: int = -1


def _exit(status: int) -> int:
    raise GuestExit(status)


class GuestProcess:
    """Hold one process of `embedding`'s program.

    functions: bodies of the functions that the guest may look up, by name; may be set anew between two calls into it.
    Each method that enters the guest has to be called on a thread with the engine's `thread_stack_bytes`.
    """

    def __init__(
        self,
        embedding: Embedding,
        settings: ProcessSettings,
        *,
        limits: StoreLimits | None = None,
    ) -> None:
        self.embedding = embedding
        self.settings = settings
        self._mounts = MountTable(settings.mounts)
        self._store = wasmtime.Store(embedding.compiled.engine)
        if limits is not None:
            self._store.set_limits(
                memory_size=limits.memory_bytes,
                table_elements=limits.table_slots,
                instances=limits.instances,
                tables=limits.instances,
                memories=limits.memories,
            )
        self.space = Space(self._store)
        self.dl_host = DlHost(self.space)
        self.ffi_host = FfiHost(embedding.compiled, self.guest)
        self._linker: DynamicLinker | None = None
        self._linker_state: LinkerState | None = None
        self._guest: Guest | None = None
        self._own: dict[str, Callable[..., int]] = {}
        self.functions: Mapping[str, Callable[..., int]] = {}
        self.instance: Any = None

    def run(self) -> int:
        """Instantiate the program, run `_start` and give the exit status; raises GuestTrap, ModuleError."""
        try:
            self.instantiate()
            if self.enter("_start", results=0) is None:
                raise ModuleError(f"{self.embedding.program.guest_name}: no function _start: not a WASI command")
        except GuestExit as ending:
            return ending.status
        return 0

    def enter(self, name: str, results: int = 1) -> int | None:
        """Call an exported function without parameters; None if there is none. Raises GuestTrap, GuestExit."""
        function = self.embedding.entrance(self.space, self.instance, name, results)
        if function is None:
            return None
        try:
            return self.space.call(function)
        except GuestTrap:
            if self._stack_is_exhausted():
                raise GuestTrap("call stack exhausted") from None
            raise

    def dump_traceback(self) -> None:
        """After a trap, let the guest write its Python traceback to stderr, if it knows how to.

        The trap may have come from an exhausted stack: the guest gets its reserve stack for this.
        """
        space, instance = self.space, self.instance
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
        pointer = self.space.export_of(self.instance, STACK_POINTER, raw.GLOBAL)
        memory = self.space.export_of(self.instance, MEMORY, raw.MEMORY)
        if pointer is None or memory is None:
            return False
        return self.space.global_value(pointer) > self.space.memory_size(memory)

    def instantiate(self) -> None:
        """Make the main module's instance; nothing of it has run then, but a start function if there is one."""
        settings = self.settings
        self._store.set_wasi(
            new_wasi(
                arguments=settings.arguments,
                environment=settings.environment,
                streams=settings.streams,
                mounts=settings.mounts,
            )
        )
        self.act()
        self.instance = self.embedding.instantiate(self.space)
        memory = self.space.export_of(self.instance, MEMORY, raw.MEMORY)
        if memory is not None:
            self.dl_host.attach(memory, self.dynamic_linker)

    def act(self) -> None:
        """Let the host's functions act for this process; of several processes on a thread, the one that runs."""
        if not self._own:
            self._own = self.dl_host.functions() | self.ffi_host.functions() | {"proc_exit": _exit}
        self.embedding.linker.act_for(self.space, self._own, self.functions)

    def close(self) -> None:
        """Give all memory back; nothing of the process can be used any more."""
        self._store.close()

    def guest(self) -> Guest:
        """Give what the main module offers to side modules; LinkError if it offers none."""
        if self._guest is None:
            wiring = Wiring(self.space, self.instance, lambda name: self.embedding.function(self.space, name))
            self._guest = Guest(self.space, self.instance, wiring)
        return self._guest

    def dynamic_linker(self) -> DynamicLinker:
        """Give the linker, which exists from its first use on."""
        if self._linker is None:
            loader = Loader(self._mounts, self.settings.library_path)
            names = self.embedding.looked_up
            self._linker = DynamicLinker(self.guest(), self._main_module, loader, self.embedding.compiled, names)
            if self._linker_state is not None:
                self._linker.resume(self._linker_state)
        return self._linker

    def modules(self) -> list[tuple[str, WasmModule]]:
        """List the main and the side modules, each with the guest's name of it."""
        libraries = [(one.name, one.source.wasm) for one in self.dynamic_linker().libraries]
        return [(self.embedding.program.guest_name, self.embedding.wasm), *libraries]

    def resume(self, linker: LinkerState, ffi: FfiState) -> None:
        """Go on, after the memory, the instances and the table were restored, from where another process was.

        The linker follows when it is used: most calls load nothing more.
        """
        self._linker_state = linker
        self.ffi_host.resume(ffi)

    def _main_module(self) -> MainModule:
        embedding = self.embedding
        return MainModule(self.space, self.instance, embedding.wasm, embedding.program.guest_name)
