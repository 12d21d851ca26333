"""What a side module's imports become: functions, data, addresses, tags."""

import pytest

from pywasm_runtime.errors import LinkError
from tests.runtime.world import ENV, World

RTLD_GLOBAL = 0x100


def test_a_function_of_the_main_module(world: World) -> None:
    handle = world.load(
        "a.so",
        """(import "env" "double" (func $double (param i32) (result i32)))
           (func (export "four_times") (param i32) (result i32)
             (call $double (call $double (local.get 0))))""",
    )
    assert world.call(handle, "four_times", 5) == 20


def test_memory_is_zeroed_aligned_and_filled_with_the_data(world: World) -> None:
    handle = world.load(
        "a.so",
        ENV
        + """(data (global.get $mb) "\\01\\02")
             (global (export "datum") i32 (i32.const 8))
             (func (export "base") (result i32) (global.get $mb))""",
        memory=64,
        memory_log2=6,
    )
    base = world.call(handle, "base")
    assert base % 64 == 0
    assert world.word(base) == 0x0201
    assert world.word(base + 60) == 0  # the allocator had left 0xaa there
    assert world.linker.symbol(handle, "datum") == base + 8


def test_data_addresses_through_the_got(world: World) -> None:
    world.load("a.so", '(global (export "shared") i32 (i32.const 4))', RTLD_GLOBAL, memory=16)
    handle = world.load(
        "b.so",
        """(import "GOT.mem" "main_data" (global $m (mut i32)))
           (import "GOT.mem" "shared" (global $s (mut i32)))
           (func (export "main_data_address") (result i32) (global.get $m))
           (func (export "shared_address") (result i32) (global.get $s))""",
    )
    assert world.call(handle, "main_data_address") == 1024
    assert world.call(handle, "shared_address") == world.linker.libraries[0].memory_base + 4


def test_a_function_has_the_slot_that_the_main_module_gave_it(world: World) -> None:
    handle = world.load(
        "a.so",
        """(import "GOT.func" "double" (global $d (mut i32)))
           (func (export "address") (result i32) (global.get $d))""",
    )
    assert world.call(handle, "address") == 1
    assert world.linker.symbol(0, "double") == 1


def test_a_function_without_a_slot_gets_one_for_ever(world: World) -> None:
    wat = """(import "GOT.func" "plus_ten" (global $f (mut i32)))
             (func (export "address") (result i32) (global.get $f))"""
    first, second = (world.load(file, wat) for file in ("a.so", "b.so"))
    slot = world.call(first, "address")
    assert slot >= 4
    assert world.call(second, "address") == slot == world.linker.symbol(0, "plus_ten")
    assert world.function(slot)(world.store, 1) == 11


def test_a_side_modules_function_has_the_slot_of_its_own_element_section(world: World) -> None:
    wat = (
        ENV
        + """(func $f (export "f") (result i32) (i32.const 7))
             (func $g (export "g") (result i32) (i32.const 8))
             (elem (global.get $tb) $g $f)
             (func (export "own_address") (result i32) (i32.add (global.get $tb) (i32.const 1)))"""
    )
    first = world.load("a.so", wat, RTLD_GLOBAL, table=2)
    second = world.load(
        "b.so",
        """(import "GOT.func" "f" (global $f (mut i32)))
           (func (export "address") (result i32) (global.get $f))""",
    )
    slot = world.call(first, "own_address")
    assert world.call(second, "address") == slot == world.linker.symbol(first, "f")
    assert world.function(slot)(world.store) == 7


def test_a_weak_undefined_symbol_is_null_and_its_call_traps(world: World) -> None:
    handle = world.load(
        "a.so",
        """(import "GOT.func" "nowhere" (global $f (mut i32)))
           (import "GOT.mem" "no_data" (global $d (mut i32)))
           (import "env" "nowhere" (func $nowhere))
           (func (export "addresses") (result i32) (i32.or (global.get $f) (global.get $d)))
           (func (export "call_it") (call $nowhere))""",
        weak=[("env", "nowhere"), ("GOT.mem", "no_data")],
    )
    assert world.call(handle, "addresses") == 0
    with pytest.raises(Exception, match="uninitialized element"):
        world.call(handle, "call_it")


def test_every_missing_symbol_is_named_once(world: World) -> None:
    with pytest.raises(LinkError) as caught:
        world.load(
            "a.so",
            """(import "env" "_ZN3foo3barEv" (func))
               (import "GOT.func" "_ZN3foo3barEv" (global (mut i32)))
               (import "GOT.mem" "lost" (global (mut i32)))
               (import "env" "maybe" (func))
               (import "env" "__other" (tag))
               (import "wasi_snapshot_preview1" "fd_write" (func))""",
            weak=[("env", "maybe")],
        )
    assert (
        str(caught.value) == "/lib/a.so: missing symbols: _ZN3foo3barEv, lost, __other, wasi_snapshot_preview1.fd_write"
    )


def test_a_wrong_type_names_the_symbol(world: World) -> None:
    with pytest.raises(LinkError, match=r"^/lib/a\.so: .*env::double.*types incompatible"):
        world.load("a.so", '(import "env" "double" (func (param i64) (result i32)))')


def test_a_wrong_type_of_a_function_that_does_not_exist_yet(world: World) -> None:
    with pytest.raises(LinkError, match=r"imports f as \(\) -> \(i32\), /lib/a.so defines it as \(i32\) -> "):
        world.load(
            "a.so",
            """(import "env" "f" (func (result i32)))
               (func (export "f") (param i32) (result i32) (local.get 0))""",
        )


def test_exceptions_cross_modules_by_the_main_modules_tag(world: World) -> None:
    world.load(
        "thrower.so",
        """(import "env" "__cpp_exception" (tag $e (param i32)))
           (func (export "thrower") (throw $e (i32.const 42)))""",
        RTLD_GLOBAL,
    )
    handle = world.load(
        "catcher.so",
        """(import "env" "__cpp_exception" (tag $e (param i32)))
           (import "env" "thrower" (func $thrower))
           (func (export "catcher") (result i32)
             (block $caught (result i32)
               (try_table (catch $e $caught) (call $thrower))
               (i32.const 0)))""",
    )
    assert world.call(handle, "catcher") == 42


VAGUE = """
  (import "env" "vague" (func $imported (result i32)))
  (import "GOT.func" "vague" (global $address (mut i32)))
  (func (export "vague") (result i32) (i32.const {number}))
  (func (export "call_{name}") (result i32) (call $imported))
  (func (export "address_{name}") (result i32) (global.get $address))
"""


def test_a_module_may_import_what_it_exports(world: World) -> None:
    handle = world.load("a.so", VAGUE.format(number=1, name="a"))
    assert world.call(handle, "call_a") == 1
    slot = world.call(handle, "address_a")
    assert slot == world.linker.symbol(handle, "vague")
    assert world.function(slot)(world.store) == 1


def test_the_first_definition_in_scope_wins(world: World) -> None:
    first = world.load("a.so", VAGUE.format(number=1, name="a"), RTLD_GLOBAL)
    second = world.load("b.so", VAGUE.format(number=2, name="b"))
    assert world.call(second, "call_b") == 1
    assert world.call(second, "address_b") == world.call(first, "address_a")


def test_local_copies_stay_apart(world: World) -> None:
    first = world.load("a.so", VAGUE.format(number=1, name="a"))
    second = world.load("b.so", VAGUE.format(number=2, name="b"))
    assert world.call(first, "call_a") == 1
    assert world.call(second, "call_b") == 2


def test_relocations_run_before_constructors(world: World) -> None:
    handle = world.load(
        "a.so",
        ENV
        + """(func (export "__wasm_apply_data_relocs") (i32.store (global.get $mb) (global.get $mb)))
             (func (export "__wasm_call_ctors")
               (i32.store offset=4 (global.get $mb) (i32.load (global.get $mb))))
             (global (export "datum") i32 (i32.const 4))""",
        memory=8,
    )
    address = world.linker.symbol(handle, "datum")
    assert world.word(address) == address - 4


def test_initialize_stands_in_for_constructors(world: World) -> None:
    world.load(
        "a.so",
        """(import "env" "log" (func $log (param i32)))
           (func (export "_initialize") (call $log (i32.const 73)))""",
    )
    assert world.log == b"I"


def test_undefined_symbols_of_dlsym(world: World) -> None:
    handle = world.load("a.so", "")
    with pytest.raises(LinkError, match=r"^/lib/a.so: undefined symbol: nothing$"):
        world.linker.symbol(handle, "nothing")
    with pytest.raises(LinkError, match=r"^undefined symbol: nothing$"):
        world.linker.symbol(0, "nothing")
    with pytest.raises(LinkError, match="undefined symbol: memory"):
        world.linker.symbol(0, "memory")
    with pytest.raises(LinkError, match="invalid handle"):
        world.linker.symbol(4711, "double")
    with pytest.raises(LinkError, match="RTLD_NEXT"):
        world.linker.symbol(0xFFFFFFFF, "double")
