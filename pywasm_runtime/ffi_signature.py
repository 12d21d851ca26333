"""Tell the signature of what lies in a table's slot."""

from ctypes import byref

from wasmtime import _bindings as c

from pywasm_runtime.extern_types import signature
from pywasm_runtime.raw import Extern, Space


def signature_in_slot(space: Space, table: Extern, slot: int) -> str | None:
    """Give a signature, "" for an empty slot, or None if the table has no such slot.

    It has to be a funcref table: anything else in a slot would be taken for a function's address.
    """
    value = c.wasmtime_val_t()
    if not c.wasmtime_table_get(space.context, byref(table.of.table), slot, byref(value)):
        return None
    function = value.of.funcref
    return signature(space.context, function) if function.store_id else ""
