"""Who is loaded, in which order, and who sees whom."""

import pytest

from pywasm_runtime.errors import LinkError
from pywasm_runtime.linker import RTLD_GLOBAL, RTLD_NOLOAD
from pywasm_runtime.module_cache import ModuleCache
from tests.runtime.world import World


def export(name: str, number: int) -> str:
    return f'(func (export "{name}") (result i32) (i32.const {number}))'


def forward(name: str, to: str) -> str:
    return f"""(import "env" "{to}" (func ${to} (result i32)))
               (func (export "{name}") (result i32) (call ${to}))"""


def test_what_is_needed_comes_first(world: World) -> None:
    world.add("c.so", export("three", 3), logs="c")
    world.add("b.so", forward("two", "three"), needed=["c.so"], logs="b")
    handle = world.load("a.so", forward("one", "two"), needed=["b.so", "c.so"], logs="a")
    assert world.log == b"cba"
    assert world.call(handle, "one") == 3
    assert world.call(handle, "three") == 3  # dlsym looks into what is needed, too


def test_needed_modules_are_searched_beside_in_paths_and_in_the_library_path(
    world: World, tmp_path: object, compiled: ModuleCache
) -> None:
    del tmp_path
    world = World(world.folder, compiled, library_path=["/lib/common"])
    world.add("pkg/beside.so", export("beside", 1))
    world.add("pkg/.libs/path.so", export("path", 2))
    world.add("common/far.so", export("far", 3))
    handle = world.load("pkg/a.so", "", needed=["beside.so", "path.so", "far.so"], paths=["/nowhere", "$ORIGIN/.libs"])
    assert [world.call(handle, symbol) for symbol in ("beside", "path", "far")] == [1, 2, 3]


def test_a_needed_module_that_is_missing(world: World) -> None:
    with pytest.raises(LinkError, match=r"^/lib/a.so: needs gone.so, which is in none of /lib, /lib/x"):
        world.load("a.so", "", needed=["gone.so"], paths=["x"])
    assert world.linker.libraries == []


def test_the_same_file_is_loaded_once(world: World) -> None:
    first = world.load("a.so", "", logs="a")
    (world.folder / "link.so").symlink_to("a.so")
    (world.folder / "hard.so").hardlink_to(world.folder / "a.so")
    for path in ("/lib/a.so", "/lib/../lib/./a.so", "/lib/link.so", "/lib/hard.so", "a.so"):
        assert world.linker.open(path, 0) == first
    assert world.log == b"a"


def test_a_needed_module_is_shared(world: World) -> None:
    world.add("common.so", "", logs="c")
    world.load("a.so", "", needed=["common.so"], logs="a")
    world.load("b.so", "", needed=["common.so"], logs="b")
    assert world.log == b"cab"


def test_local_symbols_are_not_seen_by_others(world: World) -> None:
    world.load("a.so", export("mine", 1))
    with pytest.raises(LinkError, match="missing symbols: mine"):
        world.load("b.so", forward("yours", "mine"))
    with pytest.raises(LinkError, match="undefined symbol: mine"):
        world.linker.symbol(0, "mine")


def test_global_symbols_are(world: World) -> None:
    world.load("a.so", export("mine", 1), RTLD_GLOBAL)
    handle = world.load("b.so", forward("yours", "mine"))
    assert world.call(handle, "yours") == 1
    assert world.call(0, "mine") == 1


def test_a_second_open_makes_a_module_global(world: World) -> None:
    handle = world.load("a.so", export("mine", 1))
    assert world.linker.open("/lib/a.so", RTLD_NOLOAD | RTLD_GLOBAL) == handle
    assert world.call(world.load("b.so", forward("yours", "mine")), "yours") == 1


def test_what_a_global_module_needs_is_global_too(world: World) -> None:
    world.add("needed.so", export("deep", 9))
    world.load("a.so", "", RTLD_GLOBAL, needed=["needed.so"])
    assert world.call(0, "deep") == 9


def test_global_modules_are_searched_in_load_order_after_main(world: World) -> None:
    world.load("first.so", export("twice", 1) + '(func (export "double") (result i32) (i32.const 0))', RTLD_GLOBAL)
    world.load("second.so", export("twice", 2), RTLD_GLOBAL)
    handle = world.load("b.so", forward("ask", "twice") + export("twice", 3))
    assert world.call(handle, "ask") == 1
    assert world.linker.symbol(0, "double") == 1
    assert world.call(handle, "twice") == 3  # a handle's own scope begins with the module itself


def test_the_local_scope_is_breadth_first(world: World) -> None:
    world.add("deep.so", export("which", 2))
    world.add("left.so", "", needed=["deep.so"])
    world.add("right.so", export("which", 1))
    handle = world.load("a.so", forward("ask", "which"), needed=["left.so", "right.so"])
    assert world.call(handle, "ask") == 1


def test_what_is_loaded_together_sees_the_one_that_was_opened(world: World) -> None:
    world.add("plugin.so", forward("plugin", "host_part"))
    handle = world.load("a.so", export("host_part", 5), needed=["plugin.so"])
    assert world.call(handle, "plugin") == 5


def test_modules_that_need_each_other(world: World) -> None:
    even = """
      (import "env" "{other}" (func $other (param i32) (result i32)))
      (import "GOT.func" "{other}" (global $address (mut i32)))
      (func (export "{name}") (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (i32.const {base}))
          (else (call $other (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "address_of_{other}") (result i32) (global.get $address))"""
    world.add("odd.so", even.format(name="odd", other="even", base=0), needed=["even.so"], logs="o")
    handle = world.load("even.so", even.format(name="even", other="odd", base=1), needed=["odd.so"], logs="e")
    assert world.log == b"oe"
    assert [world.call(handle, "even", number) for number in range(4)] == [1, 0, 1, 0]
    assert world.call(handle, "address_of_even") == world.linker.symbol(handle, "even")
    assert world.linker.open("/lib/odd.so", 0) != handle


def test_a_module_that_needs_itself(world: World) -> None:
    world.load("a.so", "", needed=["a.so"], logs="a")
    assert world.log == b"a"


def test_noload(world: World) -> None:
    world.add("a.so", "", logs="a")
    with pytest.raises(LinkError, match=r"^/lib/a\.so: not loaded$"):
        world.linker.open("/lib/a.so", RTLD_NOLOAD)
    handle = world.linker.open("/lib/a.so", 0)
    assert world.linker.open("/lib/a.so", RTLD_NOLOAD) == handle


def test_the_main_module_has_a_handle(world: World) -> None:
    handle = world.linker.open(None, 0)
    assert handle != 0
    assert world.linker.symbol(handle, "double") == 1
    world.linker.close(handle)


def test_a_closed_module_stays(world: World) -> None:
    handle = world.load("a.so", export("one", 1))
    world.linker.close(handle)
    assert world.call(handle, "one") == 1
    with pytest.raises(LinkError, match="invalid handle 0x63"):
        world.linker.close(99)
