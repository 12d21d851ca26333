"""A load completes or leaves nothing behind; hostile modules get a message."""

from pathlib import Path

import pytest

from pywasm_binary.sections import HEADER
from pywasm_binary.writer import dylink_section, uleb, with_custom_section
from pywasm_runtime.errors import LinkError
from pywasm_runtime.linker import RTLD_GLOBAL
from pywasm_runtime.module_cache import ModuleCache
from tests.runtime.world import ENV, World, side_binary

TRAPS = '(func (export "__wasm_call_ctors") unreachable)'


def refused(world: World, binary: bytes) -> str:
    """Write a file, try to open it, check that nothing is left of it, and give the message."""
    (world.folder / "bad.so").write_bytes(binary)
    with pytest.raises(LinkError) as caught:
        world.linker.open("/lib/bad.so", 0)
    assert world.linker.libraries == []
    return str(caught.value)


def test_files_that_are_no_side_modules(world: World) -> None:
    assert "not a wasm module" in refused(world, b"")
    assert "not a wasm module" in refused(world, b"\x7fELF" + b"\0" * 100)
    assert "no dylink.0 section" in refused(world, HEADER)


def test_every_truncation_of_a_side_module(world: World) -> None:
    whole = side_binary(
        ENV + '(elem (global.get $tb) $log) (data (global.get $mb) "abc")', memory=16, table=1, logs="x"
    )
    for length in range(len(whole)):
        message = refused(world, whole[:length])
        assert "internal" not in message


def test_another_abi(world: World, tmp_path: Path, compiled: ModuleCache) -> None:
    assert "built for no known ABI" in refused(world, side_binary("", abi=None))
    message = refused(world, side_binary("", abi="pywasm-2"))
    assert "ABI 'pywasm-2'" in message
    assert "'pywasm-1'" in message
    old = World(tmp_path, compiled, main_abi=None)
    assert "main module has no section pywasm.abi" in refused(old, side_binary(""))


@pytest.mark.parametrize("numbers", [(2**32 - 1, 0, 0, 0), (0, 31, 0, 0), (0, 0, 2**32 - 1, 0), (2**30 + 1, 16, 0, 0)])
def test_huge_demands(world: World, numbers: tuple[int, ...]) -> None:
    raw = HEADER + dylink_section([(1, b"".join(map(uleb, numbers)))])
    assert "dylink.0 asks for a" in refused(world, with_custom_section(raw, "pywasm.abi", b"pywasm-1"))


def test_overlong_numbers_in_dylink(world: World) -> None:
    raw = HEADER + dylink_section([(1, b"\xff\xff\xff\xff\xff\xff\x00\x00\x00")])
    assert "number takes more than 5 bytes" in refused(world, raw)


def test_more_memory_than_the_guest_has(world: World) -> None:
    assert "no 1000000000 bytes of memory left" in refused(world, side_binary("", memory=1_000_000_000))


def test_a_table_that_may_not_grow(world: World, tmp_path: Path, compiled: ModuleCache) -> None:
    del world
    small = World(tmp_path, compiled, table_maximum="10")
    assert "the function table cannot grow" in refused(small, side_binary("", table=1000))


def test_elements_beyond_the_announced_table_part(world: World) -> None:
    wat = ENV + "(func $f) (elem (global.get $tb) $f $f $f)"
    assert "3 functions at offset 0 of its table part, which has 2 slots" in refused(world, side_binary(wat, table=2))
    absolute = ENV + "(func $f) (elem (i32.const 1) $f)"
    assert "not relative to __table_base" in refused(world, side_binary(absolute, table=2))


def test_data_beyond_the_memory(world: World) -> None:
    wat = '(import "env" "memory" (memory 1)) (data (i32.const 0x7fffff00) "x")'
    assert refused(world, side_binary(wat)).startswith("/lib/bad.so: ")


def test_an_invalid_function_body(world: World) -> None:
    binary = side_binary('(func (export "f") (result i32) (i32.const 1))').replace(b"\x41\x01\x0b", b"\x01\x01\x0b")
    assert "wasmtime refuses the module" in refused(world, binary)


def test_a_got_entry_that_is_no_i32(world: World) -> None:
    wat = '(import "GOT.mem" "main_data" (global i64))'
    assert "GOT.mem.main_data is not an i32 global" in refused(world, side_binary(wat))


def test_a_constructor_of_another_type_is_not_called(world: World) -> None:
    wat = '(func (export "__wasm_call_ctors") (param i64))'
    assert "does not have the type that its name promises" in refused(world, side_binary(wat))


def test_memory_and_slots_come_back_after_a_failure(world: World) -> None:
    world.load("warm.so", "", table=1)
    size = world.table_size
    for _ in range(100):
        with pytest.raises(LinkError):
            world.load("a.so", '(import "env" "double" (func))', memory=16, table=100)
    assert world.table_size <= size + 256
    assert world.call_main("count_freed") == 100


def test_a_constructor_that_traps(world: World) -> None:
    wat = """
      (import "env" "__stack_pointer" (global $sp (mut i32)))
      (func (export "__wasm_call_ctors") (global.set $sp (i32.const 4096)) unreachable)"""
    before = world.stack_pointer
    message = refused(world, side_binary(wat))
    assert message == "/lib/bad.so: __wasm_call_ctors failed: wasm `unreachable` instruction executed"
    assert world.stack_pointer == before


def test_a_constructor_that_recurses_without_end(world: World) -> None:
    assert "call stack exhausted" in refused(world, side_binary('(func $f (export "__wasm_call_ctors") (call $f))'))


def test_a_constructor_that_throws(world: World) -> None:
    wat = """(import "env" "__cpp_exception" (tag $e (param i32)))
             (func (export "__wasm_call_ctors") (throw $e (i32.const 1)))"""
    assert "an exception was thrown and nobody caught it" in refused(world, side_binary(wat))
    assert world.load("good.so", "", logs="g")  # nothing is left pending in the store


def test_after_a_failing_constructor_complete_modules_stay(world: World) -> None:
    world.add("good.so", "", logs="g")
    with pytest.raises(LinkError, match="__wasm_call_ctors failed"):
        world.load("bad.so", TRAPS, RTLD_GLOBAL, needed=["good.so"])
    assert [library.name for library in world.linker.libraries] == ["/lib/good.so"]
    world.linker.open("/lib/good.so", 0)
    assert world.log == b"g"
    with pytest.raises(LinkError, match="__wasm_call_ctors failed"):  # not "already loaded"
        world.linker.open("/lib/bad.so", 0)


def test_a_cycle_with_a_failing_constructor_goes_as_a_whole(world: World) -> None:
    world.add("b.so", "", needed=["a.so"], logs="b")
    with pytest.raises(LinkError):
        world.load("a.so", TRAPS, needed=["b.so"])
    assert world.linker.libraries == []


def test_missing_symbols_of_needed_modules_are_named_with_them(world: World) -> None:
    world.add("b.so", '(import "env" "lost_b" (func))')
    with pytest.raises(LinkError) as caught:
        world.load("a.so", '(import "env" "lost_a" (func))', needed=["b.so"])
    assert str(caught.value) == "/lib/a.so: missing symbols: lost_a; /lib/b.so: missing symbols: lost_b"


def test_files_outside_of_the_mount(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.so"
    outside.write_bytes(side_binary(""))
    (world.folder / "out.so").symlink_to(outside)
    for path, why in (
        ("/lib/out.so", "leads out of the guest's folders"),
        (str(outside), "No such file"),
        ("/lib/../../../etc/passwd", "No such file"),
        ("/lib", "not a regular file"),
        ("/lib/gone.so", "No such file or directory"),
        ("gone.so", "not in"),
    ):
        with pytest.raises(LinkError, match=why):
            world.linker.open(path, 0)


def test_a_long_chain_of_modules(world: World) -> None:
    count = 150
    for number in range(count):
        world.add(f"l{number}.so", "", needed=[f"l{number + 1}.so"] if number + 1 < count else [], logs=".")
    world.linker.open("/lib/l0.so", 0)
    assert world.log == b"." * count
