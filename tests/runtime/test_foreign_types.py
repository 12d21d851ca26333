"""Exports of types that the embedder does not expect: an error or a trap report, never the end of this process."""

from pathlib import Path

import pytest
import wasmtime

from pywasm_binary.writer import with_custom_section
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.errors import GuestTrap, ModuleError
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.mounts import Mount
from pywasm_runtime.process import GuestProcess, ProcessSettings
from pywasm_runtime.wasi import Streams
from tests.runtime.test_process import DL, OPEN, WASI, process, write_program
from tests.runtime.world import ABI, ENV, MAIN_WAT, side_binary

POINTER = '(global (export "__stack_pointer") (mut i32) (i32.const 100))'
RESERVE = '(func (export "pywasm_trap_stack") (result i32) (i32.const 50))'
DUMP = '(func (export "pywasm_dump_traceback") (param i32))'
UNREACHABLE = r"^wasm `unreachable` instruction executed$"
MISTYPED = "does not have the type that its name promises"
NOT_AN_I32 = [
    "(mut v128) (v128.const i64x2 -1 -1)",
    "(mut i64) (i64.const -1)",
    "(mut f64) (f64.const 1e300)",
    "(mut externref) (ref.null extern)",
    "(mut exnref) (ref.null exn)",
    "(mut anyref) (ref.i31 (i32.const -1))",
    "(mut (ref i31)) (ref.i31 (i32.const -1))",
    "funcref (ref.null func)",
]
STRANGE_TYPES = ["v128", "i64", "f32", "exnref", "externref", "anyref", "(ref $t)", "(ref null $t)"]


def trapped(folder: Path, compiled: ModuleCache, wat: str) -> None:
    """Run a program to its trap, as the commands do: with its traceback, for which it must be as good as silent."""
    unreachable = '(type $t (func)) (memory (export "memory") 1) (func (export "_start") unreachable)'
    guest = process(folder, compiled, unreachable + wat)
    with pytest.raises(GuestTrap, match=UNREACHABLE):
        guest.run()
    guest.dump_traceback()


def complaint(
    folder: Path, compiled: ModuleCache, side: str, start: str = f"(drop {OPEN})", new: tuple[str, str] = ("", "")
) -> str:
    """Let a guest act, with `side` as its "/lib/a.so" and one part of the main module replaced; give its dlerror."""
    body = MAIN_WAT.format(table_maximum="").strip().removeprefix("(module").removesuffix(")")
    assert new[0] in body
    wat = f"""(module {WASI} {DL}
      (import "pywasm" "ffi_type" (func $ffi_type (param i32 i32 i32) (result i32)))
      (type $t (func)) {body.replace(*new, 1)}
      (data (i32.const 3000) "/lib/a.so\\00answer")
      (func (export "_start") {start}
        (i32.store (i32.const 3904) (call $dlerror (i32.const 4000) (i32.const 1000)))
        (i32.store (i32.const 3900) (i32.const 4000))
        (drop (call $write (i32.const 1) (i32.const 3900) (i32.const 1) (i32.const 3908)))))"""
    binary = with_custom_section(bytes(wasmtime.wat2wasm(wat)), "pywasm.abi", ABI.encode())
    (folder / "lib").mkdir()
    (folder / "lib/a.so").write_bytes(side_binary(side))
    mounts = [Mount(host=folder / "lib", guest="/lib")]
    settings = ProcessSettings(mounts=mounts, streams=Streams(stdout=folder / "out"))
    assert GuestProcess(Embedding(write_program(folder, binary), compiled), settings).run() == 0
    return (folder / "out").read_text()


@pytest.mark.parametrize("kind", STRANGE_TYPES)
def test_functions_of_the_main_module(tmp_path: Path, compiled: ModuleCache, kind: str) -> None:
    for part in (f"(param {kind})", f"(result {kind}) unreachable"):
        with pytest.raises(ModuleError, match=f"_start {MISTYPED}"):
            process(tmp_path, compiled, f'(type $t (func)) (func (export "_start") {part})').run()
    dump = f'(func (export "pywasm_dump_traceback") (param {kind}))'
    trapped(tmp_path, compiled, POINTER + RESERVE + dump)
    reserve = f'(func (export "pywasm_trap_stack") (result {kind}) unreachable)'
    trapped(tmp_path, compiled, POINTER + reserve + DUMP)


@pytest.mark.parametrize("kind", NOT_AN_I32)
def test_a_stack_pointer_of_another_type(tmp_path: Path, compiled: ModuleCache, kind: str) -> None:
    # A number read out of it could lie beyond the memory, and the trap be taken for an exhausted stack.
    trapped(tmp_path, compiled, f'(global (export "__stack_pointer") {kind})' + RESERVE + DUMP)
    named = '(export "__stack_pointer")'
    new = (f"{named} (mut i32) (i32.const 65536)", f"{named} {kind}")
    assert complaint(tmp_path, compiled, "", new=new).startswith("the main module does not export __stack_pointer")


def test_a_stack_pointer_that_cannot_be_set(tmp_path: Path, compiled: ModuleCache) -> None:
    trapped(tmp_path, compiled, '(global (export "__stack_pointer") i32 (i32.const 100))' + RESERVE + DUMP)


def test_a_memory_that_cannot_be_used(tmp_path: Path, compiled: ModuleCache) -> None:
    with pytest.raises(ModuleError, match="shared memory support is disabled"):
        process(tmp_path, compiled, '(memory (export "memory") 1 1 shared) (func (export "_start"))').run()


def test_a_memory_with_64_bit_addresses_does_no_harm(tmp_path: Path, compiled: ModuleCache) -> None:
    write = '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
    memory = '(memory (export "memory") i64 1)'
    assert process(tmp_path, compiled, f'{memory} (func (export "_start"))').run() == 0
    call = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))"
    with pytest.raises((GuestTrap, ModuleError)):
        process(tmp_path, compiled, f'{write} {memory} (func (export "_start") {call} unreachable)').run()


@pytest.mark.parametrize("item", ["(func {})", "(tag {})", "(global {} i32 (i32.const 1))", "(table {} 1 funcref)"])
def test_something_else_named_memory(tmp_path: Path, compiled: ModuleCache, item: str) -> None:
    export = item.format('(export "memory")')
    guest = process(tmp_path, compiled, f'{export} (func (export "_start") unreachable) {POINTER}')
    with pytest.raises(GuestTrap, match=UNREACHABLE):
        guest.run()


@pytest.mark.parametrize(
    "table",
    [
        "4 externref",
        "4 exnref",
        "4 anyref (ref.i31 (i32.const 5))",
        "4 (ref null $struct) (struct.new $struct)",
        "4 externref (extern.convert_any (struct.new $struct))",
        "4 (ref null $t)",
        "4 (ref func) (ref.func $double)",
    ],
)
@pytest.mark.parametrize("act", ["open", "symbol", "type"])
def test_tables_that_are_not_for_functions(tmp_path: Path, compiled: ModuleCache, table: str, act: str) -> None:
    own = '(table (export "__indirect_function_table") 4  funcref)'
    new = f"""(type $struct (struct)) (table $plain 4 funcref)
              (table (export "__indirect_function_table") {table})"""
    start = {
        "open": f"(drop {OPEN})",
        "symbol": "(drop (call $dlsym (i32.const 0) (i32.const 3010) (i32.const 6)))",
        "type": f"(if (call $ffi_type (i32.const 1) (i32.const 4000) (i32.const 99)) (then unreachable)) (drop {OPEN})",
    }[act]
    message = complaint(tmp_path, compiled, ENV, start, (own, new))
    assert message.startswith("the main module does not export __indirect_function_table")


def test_a_table_with_64_bit_indices(tmp_path: Path, compiled: ModuleCache) -> None:
    own = '(table (export "__indirect_function_table") 4  funcref)'
    new = '(table 4 funcref) (table (export "__indirect_function_table") i64 4 funcref)'
    assert "expected 32-bit table" in complaint(tmp_path, compiled, ENV, new=(own, new))


@pytest.mark.parametrize("name", ["aligned_alloc", "free"])
def test_an_allocator_of_another_type(tmp_path: Path, compiled: ModuleCache, name: str) -> None:
    own = f'(func (export "{name}")'
    new = f'(func (export "{name}") (param v128 v128) (result (ref $t)) unreachable) (func'
    message = complaint(tmp_path, compiled, "", new=(own, new))
    assert message == f"the main module cannot load side modules: the function {name} {MISTYPED}"


@pytest.mark.parametrize("name", ["__wasm_call_ctors", "__wasm_apply_data_relocs", "_initialize"])
@pytest.mark.parametrize("kind", ["v128", "exnref", "externref"])
def test_functions_of_a_side_module(tmp_path: Path, compiled: ModuleCache, name: str, kind: str) -> None:
    message = complaint(tmp_path, compiled, f'(func (export "{name}") (param {kind}))')
    assert message == f"/lib/a.so: {name} failed: the function {name} {MISTYPED}"


@pytest.mark.parametrize("kind", NOT_AN_I32)
def test_data_symbols_of_the_main_module(tmp_path: Path, compiled: ModuleCache, kind: str) -> None:
    named = '(global (export "main_data")'
    new = (f"{named} i32 (i32.const 1024))", f'{named} {kind}) (global (export "answer") {kind})')
    got = '(import "GOT.mem" "main_data" (global (mut i32)))'
    for number, start in enumerate(
        [f"(drop {OPEN})", "(drop (call $dlsym (i32.const 0) (i32.const 3010) (i32.const 6)))"]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert complaint(folder, compiled, got, start, new) == "a global that stands for an address is not an i32"


@pytest.mark.parametrize("kind", ["v128 (v128.const i64x2 1 1)", "externref (ref.null extern)", "i64 (i64.const 1)"])
def test_data_symbols_of_a_side_module(tmp_path: Path, compiled: ModuleCache, kind: str) -> None:
    start = f"(drop (call $dlsym {OPEN} (i32.const 3010) (i32.const 6)))"
    message = complaint(tmp_path, compiled, f'(global (export "answer") {kind})', start)
    assert message == "/lib/a.so: the address of the data symbol answer is not a constant"


@pytest.mark.parametrize(
    "entry",
    [
        '(import "env" "memory" (memory i64 1))',
        '(import "env" "memory" (memory 1 1 shared))',
        '(import "env" "__indirect_function_table" (table 1 externref))',
        '(import "env" "__stack_pointer" (global (mut v128)))',
        '(import "env" "__memory_base" (global externref))',
        '(import "env" "double" (func (param v128 exnref)))',
        '(import "env" "__cpp_exception" (tag (param v128)))',
    ],
)
def test_imports_of_a_side_module(tmp_path: Path, compiled: ModuleCache, entry: str) -> None:
    assert "incompatible" in complaint(tmp_path, compiled, entry)


@pytest.mark.parametrize(("kind", "signature"), [("v128", "v>v"), ("exnref", "r>r"), ("externref", "r>r")])
def test_the_type_of_a_function_in_the_table(tmp_path: Path, compiled: ModuleCache, kind: str, signature: str) -> None:
    side = f'(func (export "answer") (param {kind}) (result {kind}) unreachable)'
    start = f"""(if (i32.ne (i32.const {len(signature)})
          (call $ffi_type (call $dlsym {OPEN} (i32.const 3010) (i32.const 6)) (i32.const 4000) (i32.const 99)))
        (then unreachable))
      (i32.store8 (i32.const 4003) (i32.const 10))
      (i32.store (i32.const 3900) (i32.const 4000)) (i32.store (i32.const 3904) (i32.const 4))
      (drop (call $write (i32.const 1) (i32.const 3900) (i32.const 1) (i32.const 3908)))"""
    assert complaint(tmp_path, compiled, side, start) == signature + "\n"


def test_an_exception_in_a_start_function_is_not_found_by_a_later_trap(tmp_path: Path, compiled: ModuleCache) -> None:
    thrown = "(throw $e (v128.const i64x2 1 1) (ref.null extern))"
    side = f"(tag $e (param v128 externref)) (func $start {thrown}) (start $start)"
    folder = tmp_path / "error"
    folder.mkdir()
    message = complaint(folder, compiled, side)
    assert message == "/lib/a.so: an exception was thrown and nobody caught it"
    with pytest.raises(GuestTrap, match=UNREACHABLE) as caught:
        complaint(tmp_path, compiled, side, f"(drop {OPEN}) unreachable")
    assert not caught.value.uncaught_exception


def test_names_out_of_a_module_cannot_garble_a_terminal(tmp_path: Path, compiled: ModuleCache) -> None:
    with pytest.raises(ModuleError) as caught:
        process(tmp_path, compiled, '(import "\\1b]0;x\\07" "\\e2\\80\\ae" (func)) (func (export "_start"))').run()
    assert "`?]0;x?::?`" in str(caught.value)
