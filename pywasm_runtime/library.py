"""Represent what is in a guest's process: the main module and the side modules, as providers of symbols."""

from collections.abc import Hashable, Iterable
from enum import Enum
from typing import Any, Protocol

from pywasm_binary import ConstValue, Kind, WasmModule
from pywasm_runtime import raw
from pywasm_runtime.errors import LinkError
from pywasm_runtime.raw import Extern, Space
from pywasm_runtime.side_module import SideModule
from pywasm_runtime.wiring import FromHost, FromMain, FromPart, Source, Wiring

_EXTERN_KINDS = {Kind.FUNCTION: raw.FUNC, Kind.GLOBAL: raw.GLOBAL, Kind.TAG: raw.TAG}


class Provider(Protocol):
    """Offer definitions of symbols; a symbol is a name and what it is (function, data as a global, tag)."""

    @property
    def name(self) -> str:
        """Give the guest's path, for messages."""

    def defines(self, symbol: str, kind: Kind) -> bool:
        """Tell whether there is a definition."""

    def extern(self, symbol: str, kind: Kind) -> Extern | None:
        """Give the instance's export; None if it is not instantiated yet."""

    def symbol_source(self, symbol: str) -> Source:
        """Say where a defined symbol comes from, in any store."""

    def data_address(self, symbol: str) -> int:
        """Give the memory address of a data symbol."""

    def own_slot(self, symbol: str) -> int | None:
        """Give the table slot in which the module itself puts a function, None if it does not."""

    def identity(self, symbol: str) -> Hashable:
        """Give a key that is equal for two names of one function."""


class MainModule:
    """Hold the main module's instance; `wasm` is its binary, asked for when it is needed first."""

    def __init__(self, space: Space, instance: Any, wasm: WasmModule, name: str) -> None:
        self.name = name
        self.instance = instance
        self.wasm = wasm
        self._space = space
        self._externs: dict[str, Extern | None] = {}

    def _export(self, symbol: str) -> Extern | None:
        if symbol not in self._externs:
            self._externs[symbol] = self._space.export(self.instance, symbol)
        return self._externs[symbol]

    def defines(self, symbol: str, kind: Kind) -> bool:
        """Tell whether the main module exports the symbol."""
        return self.extern(symbol, kind) is not None

    def extern(self, symbol: str, kind: Kind) -> Extern | None:
        """Give the export."""
        item = self._export(symbol)
        return item if item is not None and item.kind == _EXTERN_KINDS[kind] else None

    def symbol_source(self, symbol: str) -> Source:
        """Name the export."""
        return FromMain(symbol)

    def data_address(self, symbol: str) -> int:
        """Give the address, which the main module exports as it is."""
        return self._space.global_value(self._export(symbol))

    def own_slot(self, symbol: str) -> int | None:
        """Look the function up in the element section."""
        slot = self.wasm.slots.get(self.wasm.exports[symbol].index)
        return slot.addend if slot is not None and slot.base_global is None else None

    def identity(self, symbol: str) -> Hashable:
        """Give the function's index."""
        return (self.name, self.wasm.exports[symbol].index)


class HostLibrary:
    """Offer functions of the host, by name, as if the main module defined them; `wiring` finds them."""

    name = "the host"

    def __init__(self, names: Iterable[str], wiring: Wiring) -> None:
        self._names = frozenset(names)
        self._wiring = wiring

    def defines(self, symbol: str, kind: Kind) -> bool:
        """Tell whether there is such a function."""
        return kind is Kind.FUNCTION and symbol in self._names

    def extern(self, symbol: str, kind: Kind) -> Extern | None:
        """Give the function."""
        return self._wiring.find(FromHost(symbol)) if self.defines(symbol, kind) else None

    def symbol_source(self, symbol: str) -> Source:
        """Name the function."""
        return FromHost(symbol)

    def data_address(self, symbol: str) -> int:
        """Refuse: the host has no data."""
        raise LinkError(f"{symbol} is a function of the host, not data")

    def own_slot(self, symbol: str) -> int | None:
        """Give none: no module has put it into the table."""
        return None

    def identity(self, symbol: str) -> Hashable:
        """Give the name."""
        return (self.name, symbol)


class State(Enum):
    """Say how far a side module is."""

    LINKING = "linking"
    CONSTRUCTING = "constructing"
    READY = "ready"


class Library:
    """Hold a side module in the guest's process, from the moment it is read."""

    def __init__(self, source: SideModule) -> None:
        self.source = source
        self.needed: list[Library] = []
        self.state = State.LINKING
        self.memory_base = 0
        self.table_base = 0
        self.part: int | None = None
        self._wiring: Wiring | None = None

    @property
    def name(self) -> str:
        """Give the guest's path."""
        return self.source.name

    def instantiated(self, wiring: Wiring, part: int) -> None:
        """Note the instance's place in `wiring`: from now on the exports exist."""
        self._wiring, self.part = wiring, part

    @property
    def instance(self) -> Any:
        """Give the instance, None before there is one."""
        return None if self._wiring is None or self.part is None else self._wiring.instance(self.part)

    def defines(self, symbol: str, kind: Kind) -> bool:
        """Tell whether the side module exports the symbol."""
        export = self.source.wasm.exports.get(symbol)
        return export is not None and export.kind is kind

    def extern(self, symbol: str, kind: Kind) -> Extern | None:
        """Give the export, None before the module is instantiated."""
        if self._wiring is None:
            return None
        return self._wiring.space.export_of(self.instance, symbol, _EXTERN_KINDS[kind])

    def symbol_source(self, symbol: str) -> Source:
        """Name the export of the instance; LinkError before there is one."""
        if self.part is None:
            raise LinkError(f"{self.name}: not instantiated yet")
        return FromPart(self.part, symbol)

    def data_address(self, symbol: str) -> int:
        """Add the memory base to the offset that the side module exports."""
        offset = self.source.wasm.data_address(self.source.wasm.exports[symbol])
        if offset is None:
            raise LinkError(f"{self.name}: the address of the data symbol {symbol} is not a constant")
        return (self.memory_base + offset) & raw.U32

    def own_slot(self, symbol: str) -> int | None:
        """Look the function up in the element section, which is relative to the table base."""
        slot = self.source.wasm.slots.get(self.source.wasm.exports[symbol].index)
        return self.table_base + slot.addend if slot is not None and self._is_relative(slot) else None

    def identity(self, symbol: str) -> Hashable:
        """Give this module and the function's index."""
        return (self, self.source.wasm.exports[symbol].index)

    def _is_relative(self, slot: ConstValue) -> bool:
        return slot.base_global is not None and slot.base_global == self.source.table_base_global


def breadth_first(roots: Iterable[Library]) -> list[Library]:
    """List `roots` and all that they need, each once, nearest first."""
    order = list(dict.fromkeys(roots))
    seen = set(order)
    for library in order:  # the list grows while it is walked
        for needed in library.needed:
            if needed not in seen:
                seen.add(needed)
                order.append(needed)
    return order


def dependencies_first(root: Library) -> list[Library]:
    """List `root` and all that it needs so that each comes after what it needs.

    A cycle is cut where it closes.
    """
    order: list[Library] = []
    seen = {root}
    pending = [(root, iter(root.needed))]
    while pending:
        library, rest = pending[-1]
        following = next((needed for needed in rest if needed not in seen), None)
        if following is None:
            order.append(library)
            pending.pop()
        else:
            seen.add(following)
            pending.append((following, iter(following.needed)))
    return order
