"""Give side modules their place in the guest: memory, table slots, the values of their imports.

One `Placement` serves the modules that are loaded together; until they are complete, `undo` gives everything
back.

A function that does not exist yet (the importing module's own, or one of a module in a cycle) is imported as
a thunk: it has the right type, calls a table slot, and the slot is filled once the function exists.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable

from pywasm_binary import FuncType, GlobalType, Import, Kind
from pywasm_binary.writer import thunk_module
from pywasm_runtime.errors import EmbedderError, GuestTrap, LinkError, ModuleError
from pywasm_runtime.function_table import FunctionTable
from pywasm_runtime.guest import MEMORY, STACK_POINTER, TABLE, Guest
from pywasm_runtime.library import Library, Provider
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.scope import Scope, wanted_kind
from pywasm_runtime.side_module import ENV, GOT_DATA, MEMORY_BASE, TABLE_BASE
from pywasm_runtime.wiring import FromMain, FromPart, Number, Part, Source


class Placement:
    """Place and instantiate the modules of one load in `guest`, with symbols from `scope`."""

    def __init__(self, guest: Guest, table: FunctionTable, scope: Scope, compiled: ModuleCache) -> None:
        self._guest = guest
        self._first_part = len(guest.wiring.parts)
        self._table = table
        self._scope = scope
        self._compiled = compiled
        self._awaited: dict[Provider, list[tuple[str, int]]] = defaultdict(list)
        self._memory: list[int] = []
        self._ranges: list[tuple[int, int]] = []
        self._added: list[Hashable] = []

    def place(self, library: Library) -> None:
        """Reserve a module's memory, zeroed, and its part of the table."""
        demands = library.source.dylink
        if demands.memory_size:
            library.memory_base = self._guest.allocate(demands.memory_size, demands.memory_alignment)
            self._memory.append(library.memory_base)
        library.table_base = self._reserve(demands.table_size, demands.table_alignment)

    def instantiate(self, library: Library) -> None:
        """Compile and instantiate a placed module, and fill the slots that waited for its functions."""
        sources = self._sources(library)
        content = library.source.file.content
        part = Part(digest=library.source.digest, label=library.name, sources=tuple(sources))
        try:
            module = self._compiled.load(part.digest, lambda: content, library.name)
            library.instantiated(self._guest.wiring, self._guest.wiring.instantiate(part, module))
        except (ModuleError, GuestTrap) as error:
            raise LinkError(_named(library, error)) from None
        for symbol, slot in self._awaited.pop(library, ()):
            self._table.fill(slot, library.symbol_source(symbol))

    def address(self, symbol: str, provider: Provider) -> int:
        """Give a function's slot: the module's own, else the one added before, else a new one."""
        slot = provider.own_slot(symbol)
        if slot is not None:
            return slot
        identity = provider.identity(symbol)
        known = self._table.address(identity)
        if known is not None:
            return known
        slot = self._table.add(identity)
        self._added.append(identity)
        self._fill(slot, symbol, provider)
        return slot

    def undo(self) -> None:
        """Give back what was reserved; nothing may refer to the modules any more."""
        for identity in self._added:
            self._table.forget(identity)
        for first, count in self._ranges:
            self._table.release(first, count)
        self._guest.wiring.forget_from(self._first_part)
        for address in self._memory:
            try:
                self._guest.free(address)
            except EmbedderError:
                return  # the guest's heap is broken: the failure that led here says more than this one

    def _reserve(self, count: int, alignment: int = 1) -> int:
        first = self._table.reserve(count, alignment)
        self._ranges.append((first, count))
        return first

    def _fill(self, slot: int, symbol: str, provider: Provider) -> None:
        if provider.extern(symbol, Kind.FUNCTION) is None:
            self._awaited[provider].append((symbol, slot))
        else:
            self._table.fill(slot, provider.symbol_source(symbol))

    def _sources(self, library: Library) -> list[Source]:
        provided: dict[tuple[str, str], Source] = {
            (ENV, MEMORY): FromMain(MEMORY),
            (ENV, TABLE): FromMain(TABLE),
            (ENV, STACK_POINTER): FromMain(STACK_POINTER),
            (ENV, MEMORY_BASE): Number(library.memory_base, mutable=False),
            (ENV, TABLE_BASE): Number(library.table_base, mutable=False),
        }
        wanted = library.source.wasm.imports
        found = [provided.get((i.module, i.name)) or self._existing(library, i) for i in wanted]
        thunks = iter(self._thunks(library, [i for i, source in zip(wanted, found, strict=True) if source is None]))
        return [source or next(thunks) for source in found]

    def _existing(self, library: Library, wanted: Import) -> Source | None:
        """Say what answers an import; None for a function that does not exist yet, or never will."""
        kind = wanted_kind(wanted)
        if kind is None:
            raise LinkError(f"{library.name}: no definition of {wanted.module}.{wanted.name}")
        provider = self._scope.find(wanted.name, kind)
        if wanted.module != ENV:
            return self._got_entry(wanted, provider)
        if provider is not None and provider.extern(wanted.name, kind) is not None:
            return provider.symbol_source(wanted.name)
        if kind is not Kind.FUNCTION:
            raise LinkError(f"{library.name}: {wanted.name} is defined by a module that is not loaded yet")
        return None

    def _got_entry(self, wanted: Import, provider: Provider | None) -> Source:
        if provider is None:
            value = 0  # weak and undefined: its address is null
        elif wanted.module == GOT_DATA:
            value = provider.data_address(wanted.name)
        else:
            value = self.address(wanted.name, provider)
        return Number(value, mutable=isinstance(wanted.type, GlobalType) and wanted.type.mutable)

    def _thunks(self, library: Library, wanted: list[Import]) -> list[Source]:
        if not wanted:
            return []
        types = [self._thunk_type(library, one) for one in wanted]
        base = self._reserve(len(wanted))
        for position, one in enumerate(wanted):
            provider = self._scope.find(one.name, Kind.FUNCTION)
            if provider is not None:  # else weak and undefined: a call traps on the empty slot
                self._fill(base + position, one.name, provider)
        binary = thunk_module(types)
        part = Part(
            digest=hashlib.sha256(binary).hexdigest(),
            label=f"thunks of {library.name}",
            sources=(FromMain(TABLE), Number(base, mutable=False)),
            generated=binary,
        )
        module = self._compiled.load(part.digest, lambda: binary, part.label)
        number = self._guest.wiring.instantiate(part, module)
        return [FromPart(number, str(position)) for position in range(len(wanted))]

    def _thunk_type(self, library: Library, wanted: Import) -> FuncType:
        if not isinstance(wanted.type, int):
            raise LinkError(f"{library.name}: the import {wanted.name} is not a function")
        expected = library.source.wasm.type_at(wanted.type)
        provider = self._scope.find(wanted.name, Kind.FUNCTION)
        if isinstance(provider, Library):
            wasm = provider.source.wasm
            actual = wasm.func_type(wasm.exports[wanted.name].index)
            if actual != expected:
                defined = f"{provider.name} defines it as {actual}"
                raise LinkError(f"{library.name}: imports {wanted.name} as {expected}, {defined}")
        return expected


def _named(library: Library, error: Exception) -> str:
    return str(error) if str(error).startswith(library.name) else f"{library.name}: {error}"
