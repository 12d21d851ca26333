"""Reach what the main module offers to the linker: its memory, table, stack pointer and allocator."""

from typing import Any

from pywasm_runtime import raw
from pywasm_runtime.errors import GuestTrap, LinkError, ModuleError
from pywasm_runtime.raw import Extern, Space
from pywasm_runtime.wiring import Wiring

MEMORY, TABLE, STACK_POINTER = "memory", "__indirect_function_table", "__stack_pointer"
_MIN_ALIGNMENT = 16
"""What malloc promises in the guest; aligned_alloc wants a power of two of at least a pointer's size."""


class Guest:
    """Hold the exports of the main module that side modules share; LinkError if one is missing."""

    def __init__(self, space: Space, instance: Any, wiring: Wiring | None = None) -> None:
        self.space = space
        self.instance = instance
        self.wiring = wiring or Wiring(space, instance)
        self.memory = self._require(MEMORY, raw.MEMORY)
        self.table = self._require(TABLE, raw.TABLE)
        self.stack_pointer = self._require(STACK_POINTER, raw.GLOBAL)
        self._functions: dict[str, Extern] = {}

    def require_allocator(self) -> None:
        """Raise LinkError if the main module has no allocator that side modules could get memory from."""
        self._function("aligned_alloc", 2, 1)
        self._function("free", 1, 0)

    def allocate(self, size: int, alignment: int) -> int:
        """Give the address of `size` zeroed bytes from the guest's allocator; LinkError if it has none."""
        alignment = max(alignment, _MIN_ALIGNMENT)
        size = -(-size // alignment) * alignment  # C11 wants a multiple
        try:
            address = self.space.call(self._function("aligned_alloc", 2, 1), alignment, size)
        except GuestTrap as trap:
            raise LinkError(f"the guest's aligned_alloc failed: {trap}") from None
        if address == 0:
            raise LinkError(f"the guest has no {size} bytes of memory left for a side module")
        if address % alignment or not self.space.fill_zero(self.memory, address, size):
            raise LinkError(f"the guest's aligned_alloc gave an impossible address ({address:#x})")
        return address

    def free(self, address: int) -> None:
        """Give memory back."""
        self.space.call(self._function("free", 1, 0), address)

    def _require(self, name: str, kind: int) -> Extern:
        item = self.space.export_of(self.instance, name, kind)
        if item is None:
            raise LinkError(f"the main module does not export {name}: it cannot load side modules")
        return item

    def _function(self, name: str, params: int, results: int) -> Extern:
        """Give a function of the allocator, which a guest without side modules does not need."""
        if name in self._functions:
            return self._functions[name]
        try:
            item = self.space.function(self.instance, name, params, results)
        except ModuleError as error:
            raise LinkError(f"the main module cannot load side modules: {error}") from None
        if item is None:
            raise LinkError(f"the main module does not export {name}: it cannot load side modules")
        self._functions[name] = item
        return item
