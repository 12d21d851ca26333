"""Read a wasm module section by section, each only when it is asked for.

Function bodies and data are never read, so the cost does not grow with them: what matters to a linker is who
imports and exports what, under which type, and which table slot each function has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from mmap import mmap
from typing import TypeVar

from pywasm_binary import sections as ids
from pywasm_binary.cursor import Cursor
from pywasm_binary.dylink import SECTION_NAME, Dylink, read_dylink
from pywasm_binary.elements import ElementSegment, read_element_segment
from pywasm_binary.errors import MalformedModule
from pywasm_binary.sections import Section, split_sections
from pywasm_binary.types import (
    ConstValue,
    FuncType,
    GlobalType,
    Limits,
    read_const_expr,
    read_func_type,
    read_global_type,
    read_limits,
    read_value_type,
)

ABI_SECTION = "pywasm.abi"
_MAX_ABI_BYTES = 100

_Item = TypeVar("_Item")


class Kind(IntEnum):
    """Name what an import or an export is."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


_KINDS = tuple(Kind)  # Kind(number) is ten times slower than an index, and there are ten thousands of exports


@dataclass(frozen=True, slots=True)
class Import:
    """Hold one import; `type` is an index of the type section for functions and tags."""

    module: str
    name: str
    kind: Kind
    type: int | GlobalType | Limits


@dataclass(frozen=True, slots=True)
class Export:
    """Hold what a name stands for: `index` counts within the kind, imports first."""

    kind: Kind
    index: int


class WasmModule:
    """Give access to the parts of a module; a property raises MalformedModule if its part is broken.

    A mapped file serves as well as bytes, and saves reading what is never looked at; but only a file that
    nobody can shorten meanwhile may be mapped.
    """

    def __init__(self, data: bytes | mmap) -> None:
        self.data = data
        self.sections = split_sections(data)

    @cached_property
    def types(self) -> tuple[FuncType, ...]:
        """List the function types."""
        return tuple(self._vector(ids.TYPE, "types", read_func_type))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """List the imports in order."""
        return tuple(self._vector(ids.IMPORT, "imports", _read_import))

    @cached_property
    def exports(self) -> dict[str, Export]:
        """Map each exported name to what it stands for."""
        cursor = self._cursor(ids.EXPORT)
        if cursor is None:
            return {}
        exports: dict[str, Export] = {}
        count = cursor.count("exports")
        for _ in range(count):
            name = cursor.name()
            kind = _read_kind(cursor)
            exports[name] = Export(kind, cursor.u32())
        cursor.finish("the export section")
        if len(exports) != count:
            cursor.fail("two exports of one name")
        return exports

    @cached_property
    def function_types(self) -> tuple[int, ...]:
        """List the type index of each function, the imported ones first."""
        imported = [i.type for i in self.imports if i.kind is Kind.FUNCTION and isinstance(i.type, int)]
        return (*imported, *self._vector(ids.FUNCTION, "functions", Cursor.u32))

    @cached_property
    def globals(self) -> tuple[tuple[GlobalType, ConstValue | None], ...]:
        """List the type and the initial value of each global that is not imported."""
        return tuple(self._vector(ids.GLOBAL, "globals", _read_global))

    @cached_property
    def elements(self) -> tuple[ElementSegment, ...]:
        """List the element segments."""
        return tuple(self._vector(ids.ELEMENT, "element segments", read_element_segment))

    @cached_property
    def slots(self) -> dict[int, ConstValue]:
        """Map a function's index to the first slot of table 0 that an active segment gives it."""
        slots: dict[int, ConstValue] = {}
        for segment in self.elements:
            if segment.table != 0 or segment.offset is None:
                continue
            base, addend = segment.offset.base_global, segment.offset.addend
            for position, function in enumerate(segment.functions):
                if function is not None and function not in slots:
                    slots[function] = ConstValue(base_global=base, addend=addend + position)
        return slots

    @cached_property
    def dylink(self) -> Dylink | None:
        """Give the content of `dylink.0`, which must be the first section; None for a main module."""
        found = [index for index, s in enumerate(self.sections) if s.id == ids.CUSTOM and s.name == SECTION_NAME]
        if not found:
            return None
        section = self.sections[found[0]]
        if found != [0]:
            raise MalformedModule(section.start, f"{SECTION_NAME} is not the first section, or occurs twice")
        return read_dylink(section.cursor(self.data))

    @cached_property
    def abi(self) -> str | None:
        """Give the text of the ABI section, None if there is none."""
        payload = self.custom(ABI_SECTION)
        if payload is None:
            return None
        try:
            return payload[:_MAX_ABI_BYTES].decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedModule(0, f"the section {ABI_SECTION} is not UTF-8") from None

    def custom(self, name: str) -> bytes | None:
        """Give the content of the first custom section of that name, None if there is none."""
        for section in self.sections:
            if section.id == ids.CUSTOM and section.name == name:
                return self.data[section.start : section.end]
        return None

    def func_type(self, index: int) -> FuncType:
        """Give the type of the function `index`."""
        if index >= len(self.function_types):
            raise MalformedModule(0, f"function {index} does not exist")
        return self.type_at(self.function_types[index])

    def type_at(self, index: int) -> FuncType:
        """Give entry `index` of the type section."""
        if index >= len(self.types):
            raise MalformedModule(0, f"type {index} does not exist")
        return self.types[index]

    def data_address(self, export: Export) -> int | None:
        """Give the constant that an exported global holds (relative to the memory base in a side module)."""
        own = export.index - self._imported_globals
        if export.kind is not Kind.GLOBAL or not 0 <= own < len(self.globals):
            return None
        value = self.globals[own][1]
        return value.addend if value is not None and value.base_global is None else None

    @cached_property
    def _imported_globals(self) -> int:
        return sum(1 for i in self.imports if i.kind is Kind.GLOBAL)

    def _section(self, section_id: int) -> Section | None:
        return next((s for s in self.sections if s.id == section_id), None)

    def _cursor(self, section_id: int) -> Cursor | None:
        section = self._section(section_id)
        return section.cursor(self.data) if section else None

    def _vector(self, section_id: int, what: str, read: Callable[[Cursor], _Item]) -> list[_Item]:
        cursor = self._cursor(section_id)
        if cursor is None:
            return []
        items = [read(cursor) for _ in range(cursor.count(what))]
        cursor.finish(f"section {section_id}")
        return items


def _read_kind(cursor: Cursor) -> Kind:
    kind = cursor.u8()
    if kind > Kind.TAG:
        cursor.fail(f"import or export of kind {kind}")
    return _KINDS[kind]


def _read_import(cursor: Cursor) -> Import:
    module, name, kind = cursor.name(), cursor.name(), _read_kind(cursor)
    described: int | GlobalType | Limits
    if kind is Kind.FUNCTION:
        described = cursor.u32()
    elif kind is Kind.GLOBAL:
        described = read_global_type(cursor)
    elif kind is Kind.TAG:
        if cursor.u8() != 0:
            cursor.fail("a tag that is not an exception")
        described = cursor.u32()
    else:
        if kind is Kind.TABLE:
            read_value_type(cursor)
        described = read_limits(cursor)
    return Import(module, name, kind, described)


def _read_global(cursor: Cursor) -> tuple[GlobalType, ConstValue | None]:
    return read_global_type(cursor), read_const_expr(cursor)
