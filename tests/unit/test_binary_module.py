"""The parts of a module that a linker reads."""

import pytest
import wasmtime

from pywasm_binary import ConstValue, Export, FuncType, GlobalType, Kind, MalformedModule, WasmModule
from pywasm_binary.sections import HEADER
from pywasm_binary.types import F64, I32, I64
from pywasm_binary.writer import (
    custom_section,
    dylink_section,
    name,
    section,
    thunk_module,
    uleb,
    vector,
    with_custom_section,
)

WAT = """
(module
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__table_base" (global $base i32))
  (import "GOT.mem" "datum" (global (mut i32)))
  (import "env" "imported" (func $imported (param i32 f64) (result i64)))
  (import "env" "__cpp_exception" (tag (param i32)))
  (global (export "data") i32 (i32.const 24))
  (global (export "computed") i32 (global.get $base))
  (global $wide i64 (i64.const -5))
  (func $a (export "a") (result i32) (i32.const 1))
  (func $b (export "b") (result i32) (i32.const 2))
  (elem (global.get $base) func $b $imported)
  (elem declare func $a)
  (elem (table 0) (offset (i32.add (global.get $base) (i32.const 7))) funcref (ref.func $a) (ref.null func))
)
"""


@pytest.fixture(scope="module")
def module() -> WasmModule:
    return WasmModule(bytes(wasmtime.wat2wasm(WAT)))


def test_imports_have_their_types(module: WasmModule) -> None:
    by_name = {wanted.name: wanted for wanted in module.imports}
    assert by_name["datum"].type == GlobalType(value=I32, mutable=True)
    assert by_name["memory"].kind is Kind.MEMORY
    assert by_name["__cpp_exception"].kind is Kind.TAG
    function = by_name["imported"].type
    assert isinstance(function, int)
    assert module.type_at(function) == FuncType(params=(I32, F64), results=(I64,))
    assert str(module.type_at(function)) == "(i32, f64) -> (i64)"


def test_exports_count_the_imports_first(module: WasmModule) -> None:
    assert module.exports["a"] == Export(Kind.FUNCTION, 1)
    assert module.func_type(1) == FuncType(params=(), results=(I32,))


def test_a_data_symbol_is_a_constant_or_nothing(module: WasmModule) -> None:
    assert module.data_address(module.exports["data"]) == 24
    assert module.data_address(module.exports["computed"]) is None
    assert module.data_address(module.exports["a"]) is None


def test_slots_of_functions(module: WasmModule) -> None:
    base = 0  # __table_base is the first imported global
    assert module.slots == {
        2: ConstValue(base_global=base, addend=0),
        0: ConstValue(base_global=base, addend=1),
        1: ConstValue(base_global=base, addend=7),
    }


def test_dylink() -> None:
    mem_info = b"".join(map(uleb, (100, 4, 3, 1)))
    flags = name("env") + name("maybe") + uleb(1)
    raw = HEADER + dylink_section(
        [
            (1, mem_info),
            (2, vector([name("libx.so")])),
            (3, vector([name("exported") + uleb(1)])),
            (4, vector([flags])),
            (5, vector([name("$ORIGIN/lib")])),
            (77, b"unknown to us"),
        ]
    )
    dylink = WasmModule(raw).dylink
    assert dylink is not None
    assert (dylink.memory_size, dylink.memory_alignment) == (100, 16)
    assert (dylink.table_size, dylink.table_alignment) == (3, 2)
    assert dylink.needed == ("libx.so",)
    assert dylink.runtime_paths == ("$ORIGIN/lib",)
    assert dylink.export_flags == {"exported": 1}
    assert dylink.is_weak_import("env", "maybe")
    assert not dylink.is_weak_import("env", "other")


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((2**32 - 1, 0, 0, 0), "memory size of 4294967295"),
        ((0, 17, 0, 0), "memory alignment"),
        ((0, 0, 10_000_001, 0), "table size"),
        ((0, 0, 0, 31), "table alignment"),
    ],
)
def test_hostile_sizes_are_refused(numbers: tuple[int, ...], reason: str) -> None:
    raw = HEADER + dylink_section([(1, b"".join(map(uleb, numbers)))])
    with pytest.raises(MalformedModule, match=reason):
        _ = WasmModule(raw).dylink


def test_dylink_must_come_first() -> None:
    raw = with_custom_section(HEADER + custom_section("other", b""), "dylink.0", b"")
    with pytest.raises(MalformedModule, match="not the first section"):
        _ = WasmModule(raw).dylink


def test_the_abi_is_a_text() -> None:
    assert WasmModule(HEADER).abi is None
    assert WasmModule(with_custom_section(HEADER, "pywasm.abi", b"pywasm-1")).abi == "pywasm-1"
    with pytest.raises(MalformedModule, match="not UTF-8"):
        _ = WasmModule(with_custom_section(HEADER, "pywasm.abi", b"\xff")).abi


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not a wasm module"),
        (b"\x7fELF\x02\x01\x01\x00", "not a wasm module"),
        (b"\0asm\x0d\0\x01\0", "not a wasm module"),  # a component
        (HEADER + b"\x01", "unexpected end"),
        (HEADER + b"\x01\x05\x00", "section 1 of 5 bytes, 1 left"),
        (HEADER + b"\x63\x00", "unknown section 99"),
        (HEADER + b"\x01\x01\x00\x01\x01\x00", "section 1 occurs twice"),
    ],
)
def test_what_is_no_module_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedModule, match=reason):
        WasmModule(raw)


@pytest.mark.parametrize("entry", [b"\x5f\x00", b"\x5e\x7f\x00", b"\x4e\x01\x60\x00\x00", b"\x60\x01\x64\x00\x00"])
def test_types_of_other_proposals_are_refused_by_name(entry: bytes) -> None:
    raw = HEADER + section(1, vector([entry]))
    with pytest.raises(MalformedModule, match="not supported"):
        _ = WasmModule(raw).types


def test_thunks_are_what_wasmtime_accepts_and_we_read_back() -> None:
    one = FuncType(params=(I32, F64), results=(I64,))
    other = FuncType(params=(), results=())
    raw = thunk_module([one, other, one] * 50)
    wasmtime.Module.validate(wasmtime.Engine(), raw)
    module = WasmModule(raw)
    assert module.types == (one, other)
    assert module.func_type(module.exports["149"].index) == one


def test_debug_information_is_not_copied_to_learn_its_name() -> None:
    raw = with_custom_section(HEADER, ".debug_info", b"\0" * 5_000_000)
    assert [part.name for part in WasmModule(raw).sections] == [".debug_info"]
