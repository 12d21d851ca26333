"""Tell the types of what a guest exports.

wasmtime's own Python API ends the process when it is asked for a type with vectors or typed references in it, and a
guest may export anything. So types are taken through those C functions that know them all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref
from typing import Any

from wasmtime import _bindings as c

_LETTERS = "ilfdvr"
"""By the number of wasmtime's kinds of types; `v` stands for vectors, `r` for references of any kind."""

_FUNCREF = c.wasm_valtype_new(129)  # WASM_FUNCREF of wasm.h


def signature(context: Any, function: Any) -> str:
    """Give the text of a wasmtime_func_t's type: a letter for each parameter, ">", a letter for each result."""
    with _taken(c.wasmtime_func_type(context, byref(function)), c.wasm_functype_delete) as kind:
        return f"{_letters(c.wasm_functype_params(kind))}>{_letters(c.wasm_functype_results(kind))}"


def is_i32_global(context: Any, item: Any) -> bool:
    """Tell whether a wasmtime_global_t holds an i32."""
    with _taken(c.wasmtime_global_type(context, byref(item)), c.wasm_globaltype_delete) as kind:
        return _letter(c.wasm_globaltype_content(kind)) == "i"


def is_funcref_table(context: Any, item: Any) -> bool:
    """Tell whether a wasmtime_table_t holds functions of any type, or null."""
    with _taken(c.wasmtime_table_type(context, byref(item)), c.wasm_tabletype_delete) as kind:
        return bool(c.wasmtime_wasm_valtype_equal(c.wasm_tabletype_element(kind), _FUNCREF))


@contextmanager
def _taken(kind: Any, delete: Any) -> Iterator[Any]:
    try:
        yield kind
    finally:
        delete(kind)


def _letters(types: Any) -> str:
    return "".join(_letter(types.contents.data[index]) for index in range(types.contents.size))


def _letter(value_type: Any) -> str:
    found: Any = c.wasmtime_valtype_t()
    c.wasmtime_valtype_new(value_type, byref(found))
    letter = _LETTERS[found.kind]
    c.wasmtime_valtype_delete(byref(found))
    return letter
