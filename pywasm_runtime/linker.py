"""Load side modules into a guest and find their symbols: dlopen, dlsym and dlclose.

After DynamicLinking.md of the WebAssembly tool conventions: what a module needs is loaded first; each gets
memory and table slots; its imports are resolved, it is instantiated, `__wasm_apply_data_relocs` and then its
constructors run. A load either completes or leaves nothing registered.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pywasm_binary import Kind, MalformedModule
from pywasm_runtime.errors import EmbedderError, GuestTrap, LinkError, ModuleError
from pywasm_runtime.function_table import FunctionTable
from pywasm_runtime.guest import Guest
from pywasm_runtime.library import (
    HostLibrary,
    Library,
    MainModule,
    Provider,
    State,
    breadth_first,
    dependencies_first,
)
from pywasm_runtime.loader import Loader
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.placement import Placement
from pywasm_runtime.scope import Scope, check_symbols

RTLD_NOLOAD, RTLD_GLOBAL = 0x4, 0x100
"""musl's numbers, which wasi-libc's dlfcn.h has too."""

MAX_LIBRARIES = 4096
"""Side modules of one process: a guest that opens copies without end must not exhaust the host."""

_DEFAULT_HANDLE, _MAIN_HANDLE, _NEXT_HANDLE = 0, 1, 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class LoadedLibrary:
    """Hold where a side module lies: `part` is its instance's place, `needed` lists libraries by number."""

    path: str
    digest: str
    memory_base: int
    table_base: int
    part: int
    needed: Sequence[int]
    ready: bool


@dataclass(frozen=True, kw_only=True)
class LinkerState:
    """Hold what a linker knows that is not in the guest: all values are plain and hold in any store.

    handles: those of `libraries`, in order; scope: the libraries opened with RTLD_GLOBAL; free: ranges of free slots;
    addresses: owner (a library's number, or -1), name of an owner that is no library, function index or name, slot.
    """

    libraries: Sequence[LoadedLibrary] = ()
    handles: Sequence[int] = ()
    scope: Sequence[int] = ()
    free: Sequence[tuple[int, int]] = ()
    addresses: Sequence[tuple[int, str, Any, int]] = ()


def _place(owner: Any, numbers: Mapping[Library, int]) -> tuple[int, str, Any]:
    """Say whose function it is that has a slot: an `identity` of a provider."""
    who, index = owner
    return (numbers[who], "", index) if isinstance(who, Library) else (-1, who, index)


class DynamicLinker:
    """Link side modules into the process of `guest`; everything the guest gets wrong is a LinkError.

    `main` gives the main module once it is asked for: most guests load no side module. `host` names the functions
    of the host that the guest may look up.
    """

    def __init__(
        self,
        guest: Guest,
        main: Callable[[], MainModule],
        loader: Loader,
        compiled: ModuleCache,
        host: Iterable[str] = (),
    ) -> None:
        guest.require_allocator()
        self._guest = guest
        self._space = guest.space
        self._read_main = main
        self._main: MainModule | None = None
        self._loader = loader
        self._compiled = compiled
        self._table = FunctionTable(guest)
        self._host = HostLibrary(host, guest.wiring)
        self._global: list[Library] = []
        self._handles: dict[int, Library] = {}

    @property
    def libraries(self) -> list[Library]:
        """List the side modules in the process, in the order in which they were registered."""
        return list(self._handles.values())

    def open(self, path: str | None, flags: int) -> int:
        """Load a side module, or find it loaded, and give its handle; no path means the main module."""
        if path is None:
            return _MAIN_HANDLE
        root = self._loader.find(path)
        if root is None:
            if flags & RTLD_NOLOAD:
                raise LinkError(f"{path}: not loaded")
            root = self._load(path, flags)
        if flags & RTLD_GLOBAL:
            self._make_global(root)
        return next(handle for handle, library in self._handles.items() if library is root)

    def symbol(self, handle: int, name: str) -> int:
        """Give the address of a symbol: a table slot for a function, a memory address for data."""
        scope = self._scope_of(handle)
        for kind in (Kind.FUNCTION, Kind.GLOBAL):
            provider = scope.find(name, kind)
            if provider is not None:
                return self._address(name, kind, provider)
        where = "" if handle in (_DEFAULT_HANDLE, _MAIN_HANDLE) else f"{self._handles[handle].name}: "
        raise LinkError(f"{where}undefined symbol: {name}")

    def close(self, handle: int) -> None:
        """Accept a handle back; nothing is unloaded, as in musl: the guest may hold addresses of anything."""
        if handle != _MAIN_HANDLE and handle not in self._handles:
            raise LinkError(f"invalid handle {handle:#x}")

    def state(self) -> LinkerState:
        """Say what is loaded, so that the linker of a restored process can go on from there."""
        libraries = self.libraries
        numbers = {library: number for number, library in enumerate(libraries)}
        return LinkerState(
            libraries=[
                LoadedLibrary(
                    path=library.name,
                    digest=library.source.digest,
                    memory_base=library.memory_base,
                    table_base=library.table_base,
                    part=-1 if library.part is None else library.part,
                    needed=[numbers[needed] for needed in library.needed],
                    ready=library.state is State.READY,
                )
                for library in libraries
            ],
            handles=list(self._handles),
            scope=[numbers[library] for library in self._global],
            free=self._table.free,
            addresses=[(*_place(owner, numbers), slot) for owner, slot in self._table.addresses.items()],
        )

    def resume(self, state: LinkerState) -> None:
        """Go on from where the linker of another process of the same guest was; LinkError if a file has changed."""
        abi = self._main_module().wasm.abi
        libraries = [self._loader.reopen(one.path, one.digest, abi) for one in state.libraries]
        for library, one in zip(libraries, state.libraries, strict=True):
            library.memory_base, library.table_base = one.memory_base, one.table_base
            library.instantiated(self._guest.wiring, one.part)
            library.needed = [libraries[number] for number in one.needed]
            library.state = State.READY if one.ready else State.CONSTRUCTING
        self._handles = dict(zip(state.handles, libraries, strict=True))
        self._global = [libraries[number] for number in state.scope]
        owners: dict[int, Any] = dict(enumerate(libraries))
        self._table.adopt(
            state.free, {(owners.get(owner, name), index): slot for owner, name, index, slot in state.addresses}
        )

    def _address(self, name: str, kind: Kind, provider: Provider) -> int:
        if kind is Kind.GLOBAL:
            return provider.data_address(name)
        return self._placement(Scope(())).address(name, provider)

    def _scope_of(self, handle: int) -> Scope:
        if handle == _NEXT_HANDLE:
            raise LinkError("RTLD_NEXT is not supported")
        if handle in (_DEFAULT_HANDLE, _MAIN_HANDLE):
            return Scope((self._main_module(), self._host, *self._global))
        if handle not in self._handles:
            raise LinkError(f"invalid handle {handle:#x}")
        return Scope(breadth_first([self._handles[handle]]))

    def _main_module(self) -> MainModule:
        if self._main is None:
            try:
                self._main = self._read_main()
            except MalformedModule as error:
                raise LinkError(f"the main module cannot be read: {error}") from None
        return self._main

    def _placement(self, scope: Scope) -> Placement:
        return Placement(self._guest, self._table, scope, self._compiled)

    def _load(self, path: str, flags: int) -> Library:
        main = self._main_module()
        root, new = self._loader.read(path, main.wasm.abi)
        if len(self._handles) + len(new) > MAX_LIBRARIES:
            raise LinkError(f"{path}: more than {MAX_LIBRARIES} side modules in one process")
        everything = breadth_first([root])
        scope = Scope((main, self._host, *self._global, *everything))
        if missing := check_symbols(new, scope):
            raise LinkError(missing)
        order = [library for library in dependencies_first(root) if library in new]
        stack_pointer = self._space.global_value(self._guest.stack_pointer)
        try:
            self._link(order, scope)
            if flags & RTLD_GLOBAL:
                self._make_global(root)
            self._construct(order)
        except EmbedderError:
            # A trap leaves the frames of the functions that it stopped on the guest's stack.
            self._space.set_global(self._guest.stack_pointer, stack_pointer)
            raise
        return root

    def _make_global(self, root: Library) -> None:
        self._global = list(dict.fromkeys([*self._global, *breadth_first([root])]))

    def _link(self, order: list[Library], scope: Scope) -> None:
        placement = self._placement(scope)
        try:
            for library in order:
                placement.place(library)
            for library in order:
                placement.instantiate(library)
            for library in order:
                self._run(library, "__wasm_apply_data_relocs")
        except EmbedderError:
            placement.undo()
            raise
        for library in order:
            library.state = State.CONSTRUCTING
            self._handles[max(self._handles, default=_MAIN_HANDLE) + 1] = library
            self._loader.register(library)

    def _construct(self, order: list[Library]) -> None:
        """Run the constructors; if one fails, forget its module and those that need it."""
        try:
            for library in order:
                if not self._run(library, "__wasm_call_ctors"):
                    self._run(library, "_initialize")
                library.state = State.READY
        except LinkError:
            self._forget_incomplete(order)
            raise

    def _forget_incomplete(self, order: list[Library]) -> None:
        # Their memory and slots stay: a constructor that ran may have told others of them.
        for library in order:
            if any(needed.state is not State.READY for needed in breadth_first([library])):
                self._loader.forget(library)
                self._global = [one for one in self._global if one is not library]
                self._handles = {h: one for h, one in self._handles.items() if one is not library}

    def _run(self, library: Library, name: str) -> bool:
        """Call an exported function without parameters; False if there is none."""
        try:
            function = self._space.function(library.instance, name, 0, 0)
            if function is None:
                return False
            self._space.call(function)
        except (GuestTrap, ModuleError) as error:
            raise LinkError(f"{library.name}: {name} failed: {error}") from None
        return True
