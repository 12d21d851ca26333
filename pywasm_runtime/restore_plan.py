"""Lay out what a restored process is made of, and make it: in C where our library could be compiled, else in Python."""

import ctypes
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import wasmtime
from wasmtime import _bindings as c

from pywasm_runtime.embedding import HOST_MODULE
from pywasm_runtime.errors import GuestTrap, ImageError, ModuleError
from pywasm_runtime.guest import Guest
from pywasm_runtime.host_linker import HostLinker
from pywasm_runtime.raw import Extern, Space
from pywasm_runtime.wiring import FromHost, FromMain, FromPart, Number, Part, Source

_library: Any = vars(c)["dll"]

_FROM_MAIN, _FROM_PART, _FROM_HOST, _NUMBER = range(4)


class _Source(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int32),
        ("number", ctypes.c_uint32),
        ("mutable", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
        ("name", ctypes.c_char_p),
    )


class _Part(ctypes.Structure):
    _fields_ = (("module", ctypes.c_void_p), ("count", ctypes.c_size_t), ("sources", ctypes.POINTER(ctypes.c_uint32)))


class _Fill(ctypes.Structure):
    _fields_ = (("slot", ctypes.c_uint32), ("source", ctypes.c_uint32))


class _Plan(ctypes.Structure):
    _fields_ = (
        ("sources", ctypes.POINTER(_Source)),
        ("source_count", ctypes.c_size_t),
        ("parts", ctypes.POINTER(_Part)),
        ("part_count", ctypes.c_size_t),
        ("fills", ctypes.POINTER(_Fill)),
        ("fill_count", ctypes.c_size_t),
        ("most_imports", ctypes.c_size_t),
    )


_API_NAMES = (
    "wasmtime_instance_export_get",
    "wasmtime_linker_get",
    "wasmtime_global_new",
    "wasmtime_instance_new",
    "wasmtime_table_set",
)


class _Api(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in _API_NAMES)


class _Process(ctypes.Structure):
    _fields_ = (
        ("context", ctypes.c_void_p),
        ("linker", ctypes.c_void_p),
        ("host_module", ctypes.c_char_p),
        ("main", ctypes.c_void_p),
        ("table", ctypes.c_void_p),
        ("constant", ctypes.c_void_p),
        ("mutable", ctypes.c_void_p),
    )


class _Room(ctypes.Structure):
    _fields_ = (
        ("externs", ctypes.c_void_p),
        ("found", ctypes.c_void_p),
        ("imports", ctypes.c_void_p),
        ("instances", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
        ("trap", ctypes.c_void_p),
    )


class Plan:
    """Hold the parts of a process, their compiled modules, in order, and what fills its table."""

    def __init__(self, parts: Sequence[Part], modules: Sequence[wasmtime.Module], fills: Mapping[int, Source]) -> None:
        self.parts = parts
        self.modules = modules
        self.fills = fills

    def run(self, guest: Guest) -> None:
        """Make the instances and fill the table, through Python."""
        for part, module in zip(self.parts, self.modules, strict=True):
            guest.wiring.instantiate(part, module)
        for slot, source in self.fills.items():
            guest.wiring.fill(guest.table, slot, source)

    @cached_property
    def native(self) -> _Plan:
        """Lay the plan out as our C code reads it; what it points to lives as long as this object."""
        numbers: dict[Source, int] = {}
        lists = [[numbers.setdefault(source, len(numbers)) for source in part.sources] for part in self.parts]
        fills = [(slot, numbers.setdefault(source, len(numbers))) for slot, source in self.fills.items()]
        self._sources = (_Source * len(numbers))(*[_native_source(source) for source in numbers])
        self._lists = [(ctypes.c_uint32 * len(one))(*one) for one in lists]
        self._parts = (_Part * len(lists))(
            *[
                _Part(module=_address(module.ptr()), count=len(one), sources=one)
                for module, one in zip(self.modules, self._lists, strict=True)
            ]
        )
        self._fills = (_Fill * len(fills))(*[_Fill(slot=slot, source=source) for slot, source in fills])
        return _Plan(
            sources=self._sources,
            source_count=len(numbers),
            parts=self._parts,
            part_count=len(lists),
            fills=self._fills,
            fill_count=len(fills),
            most_imports=max(map(len, lists), default=0),
        )


class NativeRestore:
    """Run plans in C; ModuleError if the library was not made for these bindings of wasmtime."""

    def __init__(self, library: ctypes.CDLL) -> None:
        expected = [ctypes.sizeof(kind) for kind in (c.wasmtime_instance_t, c.wasmtime_extern_t, c.wasmtime_global_t)]
        sizes = list((ctypes.c_size_t * len(expected)).in_dll(library, "pywasm_restore_sizes"))
        also = [ctypes.sizeof(kind) for kind in (c.wasmtime_val_t, c.wasmtime_table_t)]
        if sizes != expected or also != expected[1:]:
            raise ModuleError(f"wasmtime's structures have other sizes than expected: {expected}, {also}, not {sizes}")
        self._restore = library.pywasm_restore
        self._restore.restype = ctypes.c_size_t
        self._api = _Api(**{name: ctypes.cast(getattr(_library, name), ctypes.c_void_p).value for name in _API_NAMES})
        i32 = wasmtime.ValType.i32()
        self._types = [wasmtime.GlobalType(i32, mutable) for mutable in (False, True)]

    def run(self, plan: Plan, space: Space, linker: HostLinker, main: Any, table: Extern) -> list[Any]:
        """Make the instances and fill the table of a process; raises ImageError."""
        native = plan.native
        process = _Process(
            context=_address(space.context),
            linker=_address(linker.pointer),
            host_module=HOST_MODULE.encode(),
            main=ctypes.addressof(main),
            table=ctypes.addressof(table.of.table),
            constant=_address(self._types[0].ptr()),
            mutable=_address(self._types[1].ptr()),
        )
        externs = (c.wasmtime_extern_t * native.source_count)()
        found = (ctypes.c_bool * native.source_count)()
        imports = (c.wasmtime_extern_t * native.most_imports)()
        instances = (c.wasmtime_instance_t * native.part_count)()
        room = _Room(*map(ctypes.addressof, (externs, found, imports, instances)), None, None)
        step = self._restore(*map(ctypes.byref, (self._api, process, native, room)))
        if step:
            self._fail(plan, step, space, room)
        return list(instances)

    def _fail(self, plan: Plan, step: int, space: Space, room: _Room) -> None:
        what = plan.parts[step - 1].label if step <= len(plan.parts) else "the function table"
        try:
            error = ctypes.cast(room.error, ctypes.POINTER(c.wasmtime_error)) if room.error else None
            trap = ctypes.cast(room.trap, ctypes.POINTER(c.wasm_trap_t)) if room.trap else None
            space.check(error, trap, refused=ModuleError)
        except (ModuleError, GuestTrap) as failure:
            raise ImageError(f"{what} cannot be restored: {failure}") from None
        raise ImageError(f"{what} cannot be restored: something that it needs is not there")


def _native_source(source: Source) -> _Source:
    match source:
        case FromMain(name):
            return _Source(_FROM_MAIN, 0, 0, len(name.encode()), name.encode())
        case FromPart(part, name):
            return _Source(_FROM_PART, part, 0, len(name.encode()), name.encode())
        case FromHost(name):
            return _Source(_FROM_HOST, 0, 0, len(name.encode()), name.encode())
        case Number(value, mutable):
            return _Source(_NUMBER, value & 0xFFFFFFFF, int(mutable), 0, None)


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0
