"""The modules that the ffi host generates, each with a little guest of its own."""

import struct
from typing import Any

import pytest
import wasmtime

from pywasm_runtime.ffi_modules import MAX_PARAMETERS, caller_module, is_signature, thunks_module
from pywasm_runtime.module_cache import ModuleCache

GUEST = """
(module
  (memory (export "memory") 1)
  (table (export "table") 32 funcref)
  (global (export "stack") (mut i32) (i32.const 32768))
  (global (export "cells") i32 (i32.const 1024))
  (global (export "dispatch") i32 (i32.const 9))
  (global $closure (export "closure") (mut i32) (i32.const 0))
  (global $slots (export "slots") (mut i32) (i32.const 0))
  (func $dispatch (param i32 i32)
    (global.set $closure (local.get 0))
    (global.set $slots (local.get 1))
    (i64.store (i32.const 512) (i64.load (local.get 1)))
    (i64.store (i32.const 520) (i64.load offset=8 (local.get 1)))
    (i64.store (local.get 1) (i64.load (i32.const 528))))
  (func $mixed (param i32 i64 f32 f64) (result f64)
    (f64.add
      (f64.add (f64.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1)))
      (f64.add (f64.promote_f32 (local.get 2)) (local.get 3))))
  (func $nothing (global.set $closure (i32.const 77)))
  (func $int (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (elem (i32.const 1) $mixed $nothing $int)
  (elem (i32.const 9) $dispatch))
"""
SLOTS = 256


class Guest:
    def __init__(self, engine: wasmtime.Engine) -> None:
        self.engine = engine
        self.store = wasmtime.Store(self.engine)
        self.exports: Any = self.instance(GUEST, []).exports(self.store)

    def instance(self, text: str, names: list[str]) -> wasmtime.Instance:
        module = wasmtime.Module(self.engine, bytes(wasmtime.wat2wasm(text)))
        return wasmtime.Instance(self.store, module, [self.exports[name] for name in names])

    def caller(self, signature: str) -> Any:
        exports: Any = self.instance(caller_module(signature), ["memory", "table"]).exports(self.store)
        return lambda function: exports["caller"](self.store, function, SLOTS)

    def place(self, signature: str, count: int) -> Any:
        names = ["memory", "table", "stack", "cells", "dispatch"]
        exports: Any = self.instance(thunks_module(signature, count), names).exports(self.store)
        return lambda number, slot: exports["place"](self.store, number, slot)

    def write(self, address: int, layout: str, *values: float) -> None:
        self.exports["memory"].write(self.store, struct.pack(layout, *values), address)

    def read(self, address: int, layout: str) -> tuple[Any, ...]:
        size = struct.calcsize(layout)
        return struct.unpack(layout, bytes(self.exports["memory"].read(self.store, address, address + size)))

    def value(self, name: str) -> int:
        return int(self.exports[name].value(self.store))

    def function(self, slot: int) -> Any:
        found = self.exports["table"].get(self.store, slot)
        return found if isinstance(found, wasmtime.Func) else None


@pytest.fixture
def guest(compiled: ModuleCache) -> Guest:
    return Guest(compiled.engine)


def test_a_caller_loads_every_type_and_stores_the_result(guest: Guest) -> None:
    guest.write(SLOTS, "<i4xqf4xd", -1, 1 << 40, 0.5, 0.25)
    assert guest.caller("ilfd>d")(1) == 1
    assert guest.read(SLOTS, "<d") == (-1 + 2.0**40 + 0.75,)


def test_a_caller_without_parameters_and_result(guest: Guest) -> None:
    assert guest.caller(">")(2) == 1
    assert guest.value("closure") == 77


@pytest.mark.parametrize("function", [0, 1, 2, 9, 31, 32, 0x7FFFFFFF, -1])
def test_a_caller_leaves_other_functions_alone(guest: Guest, function: int) -> None:
    guest.write(SLOTS, "<q", 5)
    assert guest.caller("i>i")(function) == 0
    assert guest.read(SLOTS, "<q") == (5,)


def test_thunks_call_dispatch_with_their_closure_and_arguments(guest: Guest) -> None:
    place = guest.place("il>f", 3)
    guest.write(1024, "<II8xII8xII8x", 100, 0, 101, 0, 102, 0)
    guest.write(528, "<f", 2.5)
    for number, slot in ((3, 20), (1, 21)):
        place(number, slot)
    assert guest.function(20)(guest.store, -7, 1 << 50) == 2.5
    assert guest.value("closure") == 102
    assert guest.read(512, "<i4xq") == (-7, 1 << 50)
    guest.function(21)(guest.store, 0, 0)
    assert guest.value("closure") == 100


def test_a_thunk_keeps_the_stack_aligned_and_gives_it_back(guest: Guest) -> None:
    place = guest.place("iii>", 1)
    place(1, 20)
    guest.function(20)(guest.store, 1, 2, 3)
    assert guest.value("slots") == 32768 - 32
    assert guest.value("stack") == 32768


def test_number_zero_empties_a_slot(guest: Guest) -> None:
    place = guest.place(">i", 2)
    place(2, 20)
    assert guest.function(20) is not None
    place(0, 20)
    assert guest.function(20) is None
    with pytest.raises(wasmtime.Trap):
        place(3, 20)
    with pytest.raises(wasmtime.Trap):
        place(1, 32)


@pytest.mark.parametrize("signature", [">", ">i", "l>", "ilfd>d", "i" * MAX_PARAMETERS + ">f"])
def test_signatures_that_wasmtime_takes(guest: Guest, signature: str) -> None:
    assert is_signature(signature)
    guest.caller(signature)
    guest.place(signature, 1)


@pytest.mark.parametrize(
    "text", ["", "i", "i>ii", "x>", ">>", "i>\n", "I>", "i >", "v>", "i" * (MAX_PARAMETERS + 1) + ">", "i)(>"]
)
def test_texts_that_are_no_signatures(text: str) -> None:
    assert not is_signature(text)
