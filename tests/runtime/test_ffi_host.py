"""What the libffi backend in the guest asks of the host, and what it must not get."""

import struct
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from pywasm_runtime.embedding import Embedding
from pywasm_runtime.ffi_host import FFI_FUNCTIONS, MAX_MODULES, MAX_SLOTS, FfiHost, FfiState
from pywasm_runtime.ffi_modules import MAX_THUNKS
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.process import GuestProcess, ProcessSettings
from tests.runtime.test_process import WASI, write_program
from tests.runtime.world import MAIN_WAT, World

TEXT, CELLS, SLOTS, BUFFER = 4096, 8192, 12288, 16384
DOUBLE = 1  # the slot of the main module's only function with one: (i32) -> i32
OUTSIDE = 0xFFFFFFF0


class Ffi:
    """A guest and its ffi host, by what the guest calls."""

    def __init__(self, world: World, compiled: ModuleCache) -> None:
        self.world = world
        self.host = FfiHost(compiled, lambda: world.guest)
        self._functions = self.host.functions()

    def call(self, name: str, *arguments: int) -> int:
        assert len(arguments) == FFI_FUNCTIONS[name]
        return self._functions[name](*arguments)

    def caller(self, signature: str) -> int:
        self.write(TEXT, signature.encode())
        return self.call("ffi_caller", TEXT, len(signature))

    def thunks(self, signature: str, count: int, dispatch: int = DOUBLE, cells: int = CELLS) -> int:
        self.write(TEXT, signature.encode())
        return self.call("ffi_thunks", TEXT, len(signature), cells, count, dispatch)

    @property
    def problem(self) -> str:
        length = self.call("ffi_problem", BUFFER, 1000)
        return self.read(BUFFER, length).decode()

    def write(self, address: int, content: bytes) -> None:
        assert self.world.space.write(self.world.guest.memory, address, content)

    def read(self, address: int, length: int) -> bytes:
        content = self.world.space.read(self.world.guest.memory, address, length)
        assert content is not None
        return content

    def enter(self, slot: int, *arguments: int) -> Any:
        return self.world.function(slot)(self.world.store, *arguments)


@pytest.fixture
def ffi(world: World, compiled: ModuleCache) -> Ffi:
    return Ffi(world, compiled)


def test_a_caller_calls_a_function_of_the_guest(ffi: Ffi) -> None:
    caller = ffi.caller("i>i")
    ffi.write(SLOTS, struct.pack("<q", 21))
    assert ffi.enter(caller, DOUBLE, SLOTS) == 1
    assert ffi.read(SLOTS, 4) == struct.pack("<i", 42)
    assert ffi.host.state.modules == 1


def test_slots_are_empty_and_never_given_twice(ffi: Ffi) -> None:
    first = ffi.call("ffi_slots", 300)
    second = ffi.call("ffi_slots", 5)
    caller = ffi.caller(">")
    assert first >= 4
    assert not set(range(first, first + 300)) & {*range(second, second + 5), caller}
    assert all(ffi.world.function(slot) is None for slot in (first, first + 299, second))
    assert ffi.world.linker.symbol(0, "plus_ten") not in {*range(first, first + 300), caller}


def dispatcher(ffi: Ffi) -> int:
    """Load a `dispatch` that adds the number at its closure to its first slot, and give its slot."""
    wat = """(import "env" "memory" (memory 1))
             (func (export "dispatch") (param i32 i32)
               (i32.store (local.get 1) (i32.add (i32.load (local.get 1)) (i32.load (local.get 0)))))"""
    return ffi.world.linker.symbol(ffi.world.load("dispatch.so", wat), "dispatch")


def test_what_was_made_can_be_made_again_in_another_process(tmp_path: Path, compiled: ModuleCache) -> None:
    first, second = (Ffi(World(tmp_path, compiled), compiled) for _ in range(2))
    dispatch = dispatcher(first)
    code = first.call("ffi_slots", 2)
    caller, place = first.caller("i>i"), first.thunks("i>i", 2, dispatch)
    first.write(20000, struct.pack("<i", 100))
    first.write(CELLS, struct.pack("<IIIIIIII", 0, 0, 0, 0, 20000, code, 0, 0))  # the second thunk is in use
    first.enter(place, 2, code)
    assert first.enter(code, 5) == 105
    state = first.host.state
    assert (state.thunks[0].count, state.thunks[0].cells, state.modules, state.slots_given) == (2, CELLS, 2, 2)

    assert dispatcher(second) == dispatch
    second.write(0, first.read(0, 2 << 16))
    world = second.world
    world.space.grow_table(world.guest.table, first.world.table_size - world.table_size)
    wiring = first.world.guest.wiring
    for part in wiring.parts[len(world.guest.wiring.parts) :]:
        world.guest.wiring.instantiate(part, wasmtime.Module(compiled.engine, part.generated))
    for slot in (caller, place):
        world.guest.wiring.fill(world.guest.table, slot, wiring.fills[slot])
    second.host.resume(state)
    assert second.host.state == state
    assert second.enter(code, 5) == 105
    second.write(SLOTS, struct.pack("<q", 7))
    assert second.enter(caller, code, SLOTS) == 1
    assert second.read(SLOTS, 4) == struct.pack("<i", 107)


@pytest.mark.parametrize("signature", ["", "i", "i>ii", "x>", "i" * 1001 + ">", "i" * 5000 + ">", "\0>", "\u00e9>"])
def test_texts_that_are_no_signatures(ffi: Ffi, signature: str) -> None:
    assert ffi.caller(signature) == 0
    assert ffi.problem == "no signature of a function at 0x1000"
    assert ffi.thunks(signature, 1) == 0
    assert ffi.host.state == FfiState()


def test_addresses_outside_of_the_memory(ffi: Ffi) -> None:
    assert ffi.call("ffi_caller", OUTSIDE, 3) == ffi.call("ffi_caller", 0, 0xFFFFFFFF) == 0
    assert ffi.problem.startswith("no signature of a function")
    assert ffi.call("ffi_problem", OUTSIDE, 100) == 0
    assert ffi.call("ffi_type", DOUBLE, OUTSIDE, 100) == 3
    place = ffi.thunks(">", 1, DOUBLE, OUTSIDE)
    ffi.enter(place, 1, 0)
    with pytest.raises(wasmtime.Trap):
        ffi.enter(0)


def test_numbers_that_are_too_large(ffi: Ffi) -> None:
    for count in (0, MAX_THUNKS + 1, 0xFFFFFFFF):
        assert ffi.thunks(">", count) == 0
        assert "thunks at once" in ffi.problem
    for count in (0, MAX_SLOTS + 1, 0xFFFFFFFF):
        assert ffi.call("ffi_slots", count) == 0
        assert "table slots for closures" in ffi.problem
    assert ffi.call("ffi_slots", MAX_SLOTS - 1) != 0
    assert ffi.call("ffi_slots", 2) == 0
    assert ffi.call("ffi_slots", 1) != 0


def test_a_dispatch_that_is_none_stops_the_guest(ffi: Ffi) -> None:
    for dispatch in (0, 3, 0xFFFFFFFF):
        ffi.enter(ffi.thunks(">", 1, dispatch), 1, 0)
        with pytest.raises(wasmtime.Trap):
            ffi.enter(0)


def test_a_table_that_cannot_grow(tmp_path: Path, compiled: ModuleCache) -> None:
    ffi = Ffi(World(tmp_path, compiled, table_maximum="4"), compiled)
    assert ffi.caller(">") == ffi.call("ffi_slots", 1) == 0
    assert ffi.problem.startswith("the function table cannot grow")


def test_signatures_without_end(ffi: Ffi) -> None:
    made = [ffi.caller(">") for _ in range(MAX_MODULES + 1)]
    assert made.index(0) == MAX_MODULES
    assert ffi.problem == f"more than {MAX_MODULES} signatures in one process"


def test_the_type_of_a_function(ffi: Ffi) -> None:
    wat = """(func (export "mixed") (param i32 i64 f32 f64 v128 funcref externref exnref) (result i32 i64)
               unreachable)"""
    slot = ffi.world.linker.symbol(ffi.world.load("mixed.so", wat), "mixed")
    assert ffi.call("ffi_type", slot, BUFFER, 100) == 11
    assert ffi.read(BUFFER, 12) == b"ilfdvrrr>il\0"
    assert ffi.call("ffi_type", slot, BUFFER + 50, 3) == 11
    assert ffi.read(BUFFER + 50, 4) == b"ilf\0"
    assert ffi.call("ffi_type", 0, BUFFER, 100) == 0
    assert ffi.call("ffi_type", 4, BUFFER, 100) != 0  # what the linker added
    assert ffi.call("ffi_type", ffi.world.table_size, BUFFER, 100) == -1
    assert ffi.call("ffi_type", 0xFFFFFFFF, BUFFER, 100) == -1


FFI = """
  (import "pywasm" "ffi_caller" (func $ffi_caller (param i32 i32) (result i32)))
  (import "pywasm" "ffi_problem" (func $ffi_problem (param i32 i32) (result i32)))
"""


def test_a_process_makes_and_uses_a_caller(tmp_path: Path, compiled: ModuleCache) -> None:
    body = MAIN_WAT.format(table_maximum="").strip().removeprefix("(module").removesuffix(")")
    start = """(drop (call_indirect (param i32 i32) (result i32)
                 (i32.const 1) (i32.const 3000) (call $ffi_caller (i32.const 3100) (i32.const 3))))
               (call $exit (i32.load (i32.const 3000)))"""
    data = '(data (i32.const 3000) "\\15") (data (i32.const 3100) "i>i")'
    wat = f'(module {WASI} {FFI} {body} {data} (func (export "_start") {start}))'
    program = write_program(tmp_path, bytes(wasmtime.wat2wasm(wat)))
    assert GuestProcess(Embedding(program, compiled), ProcessSettings()).run() == 42


def test_a_process_without_what_callers_need(tmp_path: Path, compiled: ModuleCache) -> None:
    start = """(call $exit (i32.add (call $ffi_caller (i32.const 0) (i32.const 1))
                                    (i32.const 3)))"""
    wat = f'(module {WASI} {FFI} (memory (export "memory") 1) (func (export "_start") {start}))'
    program = write_program(tmp_path, bytes(wasmtime.wat2wasm(wat)))
    assert GuestProcess(Embedding(program, compiled), ProcessSettings()).run() == 3
    wat = f'(module {FFI} (func (export "_start") (drop (call $ffi_problem (i32.const 0) (i32.const 10)))))'
    program = write_program(tmp_path, bytes(wasmtime.wat2wasm(wat)))
    assert GuestProcess(Embedding(program, compiled), ProcessSettings()).run() == 0
