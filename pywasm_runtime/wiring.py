"""Make the instances of a process and fill its table, and record both so that another store can have the same.

What an instance imports and a slot holds is said by a `Source`, which holds in every store with the same main module.
So a record and a copy of the memory are all it takes to make a process again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import wasmtime

from pywasm_runtime.errors import LinkError
from pywasm_runtime.raw import Extern, Space


@dataclass(frozen=True, slots=True)
class FromMain:
    """Name an export of the main module."""

    name: str


@dataclass(frozen=True, slots=True)
class FromPart:
    """Name an export of an instance by its place in the order in which they were made."""

    part: int
    name: str


@dataclass(frozen=True, slots=True)
class FromHost:
    """Name a function of the host that the guest may look up."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """Stand for a new i32 global with a value; those that are equal are one."""

    value: int
    mutable: bool


Source = FromMain | FromPart | FromHost | Number


@dataclass(frozen=True, kw_only=True)
class Part:
    """Hold what an instance was made of: its module by sha256, and a source for each import.

    label: the guest's path of a side module, or what a generated module is for; generated: its bytes, else empty.
    """

    digest: str
    label: str
    sources: tuple[Source, ...]
    generated: bytes = b""


def _no_host(name: str) -> Extern | None:
    del name
    return None


class Wiring:
    """Make instances in `space` beside the main module's, and note how; `host` gives the host's functions by name."""

    def __init__(self, space: Space, main: Any, host: Callable[[str], Extern | None] = _no_host) -> None:
        self.space = space
        self._main = main
        self._host = host
        self._parts: list[Part] = []
        self._instances: list[Any] = []
        self._fills: dict[int, Source] = {}
        self._numbers: dict[Number, Extern] = {}

    @property
    def parts(self) -> Sequence[Part]:
        """List the instances that were made, in order."""
        return tuple(self._parts)

    @property
    def fills(self) -> Mapping[int, Source]:
        """Map the slots that were filled to what is in them."""
        return dict(self._fills)

    def find(self, source: Source) -> Extern | None:
        """Give what a source stands for in this store, None if there is no such export or function."""
        match source:
            case FromMain(name):
                return self.space.export(self._main, name)
            case FromPart(part, name):
                return self.space.export(self._instances[part], name)
            case FromHost(name):
                return self._host(name)
            case Number(value, mutable):
                if source not in self._numbers:
                    self._numbers[source] = self.space.new_global(value, mutable=mutable)
                return self._numbers[source]

    def require(self, source: Source) -> Extern:
        """Give what a source stands for; LinkError if there is nothing."""
        found = self.find(source)
        if found is None:
            raise LinkError(f"there is no {source}")
        return found

    def instance(self, part: int) -> Any:
        """Give an instance by its place."""
        return self._instances[part]

    def instantiate(self, part: Part, module: wasmtime.Module) -> int:
        """Make an instance and give its place; raises ModuleError, GuestTrap."""
        instance = self.space.instantiate(module, [self.require(source) for source in part.sources])
        self._parts.append(part)
        self._instances.append(instance)
        return len(self._instances) - 1

    def fill(self, table: Extern, slot: int, source: Source) -> None:
        """Put a function into a slot of the guest's table."""
        self.space.set_slot(table, slot, self.require(source))
        self._fills[slot] = source

    def clear(self, table: Extern, slot: int) -> None:
        """Empty a slot."""
        self.space.set_slot(table, slot, None)
        self._fills.pop(slot, None)

    def forget_from(self, part: int) -> None:
        """Forget the instances from one on, which nothing may refer to."""
        del self._parts[part:], self._instances[part:]

    def adopt(self, parts: Iterable[Part], instances: Iterable[Any], fills: Mapping[int, Source]) -> None:
        """Take over what was made in this store in another way, after a record."""
        self._parts, self._instances, self._fills = list(parts), list(instances), dict(fills)
