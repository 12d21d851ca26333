"""Hand out slots of the guest's function table.

A slot's number is a function's address in the guest: each function has one for ever, wherever its address is
taken.
"""

from collections.abc import Hashable, Iterable, Mapping

from pywasm_runtime.errors import LinkError, ModuleError
from pywasm_runtime.guest import Guest
from pywasm_runtime.wiring import Source

_GROWTH_SLOTS = 256
"""Growing one slot at a time would copy the table for each function."""


class FunctionTable:
    """Manage the slots of the guest's table beyond those that the main module filled."""

    def __init__(self, guest: Guest) -> None:
        self._table = guest.table
        self._space = guest.space
        self._wiring = guest.wiring
        self._free: list[tuple[int, int]] = []
        self._addresses: dict[Hashable, int] = {}

    def reserve(self, count: int, alignment: int = 1) -> int:
        """Give the first of `count` free neighbouring slots, a multiple of `alignment`.

        Raises LinkError if the table may not grow so far.
        """
        if count == 0:
            return 0
        for index, (first, length) in enumerate(self._free):
            start = _align(first, alignment)
            if start + count <= first + length:
                rest = [(first, start - first), (start + count, first + length - start - count)]
                self._free[index : index + 1] = [piece for piece in rest if piece[1]]
                return start
        self._grow(count, alignment)
        return self.reserve(count, alignment)

    def release(self, first: int, count: int) -> None:
        """Empty slots and take them back."""
        for slot in range(first, first + count):
            self._wiring.clear(self._table, slot)
        if count:
            self._free.append((first, count))

    def fill(self, slot: int, function: Source) -> None:
        """Put a function into a slot."""
        self._wiring.fill(self._table, slot, function)

    def address(self, function: Hashable) -> int | None:
        """Give the slot that was added for a function, None if it has none yet."""
        return self._addresses.get(function)

    def add(self, function: Hashable) -> int:
        """Add a slot for a function; whoever asks fills it once the function exists."""
        slot = self._addresses[function] = self.reserve(1)
        return slot

    def forget(self, function: Hashable) -> None:
        """Take the slot of a function back that will never exist."""
        self.release(self._addresses.pop(function), 1)

    @property
    def free(self) -> list[tuple[int, int]]:
        """List the free ranges: first slot, number of slots."""
        return list(self._free)

    @property
    def addresses(self) -> dict[Hashable, int]:
        """Map functions to the slots that were added for them."""
        return dict(self._addresses)

    def adopt(self, free: Iterable[tuple[int, int]], addresses: Mapping[Hashable, int]) -> None:
        """Take over what a table of another process of the same guest said."""
        self._free, self._addresses = list(free), dict(addresses)

    def _grow(self, count: int, alignment: int) -> None:
        size = self._space.table_size(self._table)
        wanted = max(_align(size, alignment) + count - size, _GROWTH_SLOTS)
        try:
            first = self._space.grow_table(self._table, wanted)
        except ModuleError as error:
            raise LinkError(f"the function table cannot grow by {wanted} slots: {error}") from None
        self._free.append((first, wanted))


def _align(number: int, alignment: int) -> int:
    return -(-number // alignment) * alignment
