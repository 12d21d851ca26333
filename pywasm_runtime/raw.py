"""Reach the parts of wasmtime where its Python API is slow, through the same C functions.

The stock API reads all exports of an instance before it gives one (0.9 s for python.wasm, each export costs a
walk), converts each argument of each call through several objects, and keeps an exception of a host function
in one global. Here a lookup takes 1 µs. All addresses and handles are i32 in
wasm; here they are unsigned numbers.
"""

import ctypes
from collections.abc import Sequence
from ctypes import byref
from typing import Any

import wasmtime
from wasmtime import _bindings as c

from pywasm_runtime.errors import GuestExit, GuestTrap, ModuleError
from pywasm_runtime.extern_types import is_funcref_table, is_i32_global, signature
from pywasm_runtime.module_cache import last_cause, one_line

FUNC, GLOBAL, TABLE, MEMORY, TAG = 0, 1, 2, 3, 5
"""Kinds of a wasmtime_extern (4 is a shared memory)."""

U32 = 0xFFFFFFFF
_I32_KIND, _FUNCREF_KIND = 0, 5

Extern = Any  # a wasmtime_extern_t; mypy sees generated ctypes structures as Any
_export_get = c._wasmtime_instance_export_get
_global_get = c._wasmtime_global_get
_global_set = c._wasmtime_global_set


class Space:
    """Hold the store of one guest and act in it."""

    def __init__(self, store: wasmtime.Store) -> None:
        self.store = store
        self.context = store._context()
        self._types: dict[bool, wasmtime.GlobalType] = {}
        self._pending: BaseException | None = None

    def instantiate(self, module: wasmtime.Module, imports: Sequence[Extern]) -> Any:
        """Make an instance, with the imports in order; raises ModuleError, GuestTrap or GuestExit."""
        array = (c.wasmtime_extern_t * len(imports))(*imports)
        instance = c.wasmtime_instance_t()
        trap = ctypes.POINTER(c.wasm_trap_t)()
        error = c.wasmtime_instance_new(self.context, module.ptr(), array, len(imports), byref(instance), byref(trap))
        self.check(error, trap, refused=ModuleError)
        return instance

    def export(self, instance: Any, name: str) -> Extern | None:
        """Look an export up by name; None if there is none."""
        raw = name.encode("utf-8")
        item = c.wasmtime_extern_t()
        found = _export_get(self.context, byref(instance), raw, len(raw), byref(item))
        return item if found else None

    def export_of(self, instance: Any, name: str, kind: int) -> Extern | None:
        """Look an export of one kind up by name; globals other than i32 and tables other than funcref count as none.

        Read as what they are not, their contents would be taken for numbers and functions of this store.
        """
        item = self.export(instance, name)
        if item is None or item.kind != kind:
            return None
        if kind == GLOBAL and not is_i32_global(self.context, item.of.global_):
            return None
        if kind == TABLE and not is_funcref_table(self.context, item.of.table):
            return None
        return item

    def function(self, instance: Any, name: str, params: int, results: int) -> Extern | None:
        """Look up an exported function with so many i32 parameters and i32 results, fit for `call`.

        None if there is no such function; raises ModuleError if it has another type.
        """
        item = self.export_of(instance, name, FUNC)
        if item is not None and signature(self.context, item.of.func) != f"{'i' * params}>{'i' * results}":
            raise ModuleError(f"the function {name} does not have the type that its name promises")
        return item

    def call(self, function: Extern, *arguments: int) -> int:
        """Call a function that `function` gave; give its result, or 0 if it has none.

        Nothing is checked here any more: with a wrong type, memory of this process would be overwritten.
        Raises GuestTrap, GuestExit, or what a host function below it raised.
        """
        values = (c.wasmtime_val_raw_t * max(1, len(arguments)))()
        for index, argument in enumerate(arguments):
            values[index].i32 = argument
        trap = ctypes.POINTER(c.wasm_trap_t)()
        error = c.wasmtime_func_call_unchecked(self.context, byref(function.of.func), values, len(values), byref(trap))
        self.check(error, trap, refused=GuestTrap)
        return int(values[0].i32) & U32

    def global_value(self, item: Extern) -> int:
        """Read an i32 global; ModuleError if it is of another type."""
        value: Any = c.wasmtime_val_t()
        _global_get(self.context, byref(item.of.global_), byref(value))
        if value.kind != _I32_KIND:
            c.wasmtime_val_unroot(byref(value))
            raise ModuleError("a global that stands for an address is not an i32")
        return int(value.of.i32) & U32

    def set_global(self, item: Extern, number: int) -> None:
        """Write a mutable i32 global."""
        value = c.wasmtime_val_t(kind=_I32_KIND)
        value.of.i32 = number
        error = _global_set(self.context, byref(item.of.global_), byref(value))
        self.check(error, None, refused=ModuleError)

    def new_global(self, number: int, *, mutable: bool) -> Extern:
        """Make an i32 global."""
        kind = self._types.get(mutable)
        if kind is None:
            kind = self._types[mutable] = wasmtime.GlobalType(wasmtime.ValType.i32(), mutable)
        value = c.wasmtime_val_t(kind=_I32_KIND)
        value.of.i32 = number
        item = c.wasmtime_extern_t(kind=GLOBAL)
        error = c.wasmtime_global_new(self.context, kind.ptr(), byref(value), byref(item.of.global_))
        self.check(error, None, refused=ModuleError)
        return item

    def table_size(self, table: Extern) -> int:
        """Count the slots of a table."""
        return int(c.wasmtime_table_size(self.context, byref(table.of.table)))

    def grow_table(self, table: Extern, slots: int) -> int:
        """Add empty slots to a table and give the first; ModuleError if it may not grow so far."""
        value = c.wasmtime_val_t(kind=_FUNCREF_KIND)  # zeroed: a null reference
        before = ctypes.c_uint64(0)
        error = c.wasmtime_table_grow(self.context, byref(table.of.table), slots, byref(value), byref(before))
        self.check(error, None, refused=ModuleError)
        return before.value

    def set_slot(self, table: Extern, slot: int, function: Extern | None) -> None:
        """Put a function into a table, or nothing."""
        value = c.wasmtime_val_t(kind=_FUNCREF_KIND)
        if function is not None:
            value.of.funcref = function.of.func
        error = c.wasmtime_table_set(self.context, byref(table.of.table), slot, byref(value))
        self.check(error, None, refused=ModuleError)

    def memory_size(self, memory: Extern) -> int:
        """Give a memory's size in bytes."""
        return int(c.wasmtime_memory_data_size(self.context, byref(memory.of.memory)))

    def base(self, memory: Extern) -> int:
        """Give the address at which a memory begins in this process; it stays while the store lives."""
        start = c.wasmtime_memory_data(self.context, byref(memory.of.memory))
        return ctypes.addressof(start.contents)

    def read(self, memory: Extern, address: int, length: int) -> bytes | None:
        """Copy bytes out of a memory; None if they do not lie in it."""
        if length < 0 or address + length > self.memory_size(memory):
            return None
        return ctypes.string_at(self.base(memory) + address, length)

    def write(self, memory: Extern, address: int, content: bytes) -> bool:
        """Copy bytes into a memory; False if they do not fit."""
        if address + len(content) > self.memory_size(memory):
            return False
        ctypes.memmove(self.base(memory) + address, content, len(content))
        return True

    def fill_zero(self, memory: Extern, address: int, length: int) -> bool:
        """Zero a part of a memory; False if it does not lie in it."""
        if address + length > self.memory_size(memory):
            return False
        ctypes.memset(self.base(memory) + address, 0, length)
        return True

    def check(self, error: Any, trap: Any, *, refused: type[ModuleError] | type[GuestTrap]) -> None:
        """Turn what a C function gave back into GuestExit, GuestTrap or, for an error, `refused`."""
        if not error and not trap:
            return
        failure = wasmtime.WasmtimeError._from_ptr(error) if error else wasmtime.Trap._from_ptr(trap)
        uncaught = self._drop_exception()
        self.raise_pending()
        if uncaught:
            raise GuestTrap("an exception was thrown and nobody caught it", uncaught_exception=True)
        if isinstance(failure, wasmtime.Trap):
            raise GuestTrap(trap_reason(failure))
        if isinstance(failure, wasmtime.ExitTrap):
            raise GuestExit(failure.code)
        raise refused(one_line(failure))

    def stop(self, error: BaseException) -> None:
        """Keep what a host function raised: it comes out of the call that entered the guest."""
        self._pending = error

    def raise_pending(self) -> None:
        """Raise what a host function raised, once wasmtime has come back from it."""
        pending, self._pending = self._pending, None
        if pending is not None:
            raise pending

    def _drop_exception(self) -> bool:
        """Tell whether an exception went uncaught; left in the store it would be found by a later call."""
        exception = c.wasmtime_exnref_t()
        if not c.wasmtime_context_take_exception(self.context, byref(exception)):
            return False
        c.wasmtime_exnref_unroot(byref(exception))
        return True


def trap_reason(trap: wasmtime.Trap) -> str:
    """Give the last cause in a trap's message, without wasmtime's own prefix."""
    lines = [line.strip() for line in trap.message.splitlines() if line.strip()]
    return last_cause(lines).removeprefix("wasm trap: ") if lines else "unknown reason"
