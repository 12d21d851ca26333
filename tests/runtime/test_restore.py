"""Images of processes: what is restored is the same, and is nobody else's."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from pywasm_binary.writer import with_custom_section
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.errors import ImageError, LinkError
from pywasm_runtime.image import ImageFile, ImageStore
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.mounts import Mount, MountTable
from pywasm_runtime.native_code import load_native
from pywasm_runtime.process import GuestProcess, ProcessSettings, StoreLimits
from pywasm_runtime.process_state import state_from_json
from pywasm_runtime.restore import Image, map_file, take_image
from pywasm_runtime.restore_plan import NativeRestore
from pywasm_runtime.restored_module import without_initialisation
from pywasm_runtime.seals import seal_path
from tests.runtime.test_process import write_program
from tests.runtime.world import ABI, LIBRARIES, MAIN_WAT, side_binary

ROOT = Path(__file__).resolve().parents[2]

COUNTER = """
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
  (import "env" "double" (func $double (param i32) (result i32)))
  (import "env" "later" (func $later (result i32)))
  (import "GOT.func" "plus_ten" (global $plus_ten (mut i32)))
  (data (global.get $mb) "\\05\\00\\00\\00")
  (func (export "later") (result i32) (i32.const 1000))
  (func (export "count") (result i32)
    (i32.store (global.get $mb) (i32.add (i32.load (global.get $mb)) (i32.const 1)))
    (i32.add (call $later)
      (call_indirect (param i32) (result i32) (call $double (i32.load (global.get $mb))) (global.get $plus_ten))))
"""
"""It imports its own `later`, which needs a thunk; `count` gives 1000 + 10 + twice a number that grows."""

TAKING = """
import os, sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from pywasm_runtime.image import ImageStore
store, number = ImageStore(Path(sys.argv[1])), int(sys.argv[2])
state = store.find("shared").state
for step in range(200):
    pointer = number << 16 | step
    mine = replace(state, stack_pointer=pointer)
    store.keep("shared", mine, lambda offset, length: pointer.to_bytes(4, "little").ljust(length, b"x"))
    with suppress(FileNotFoundError):  # another process has replaced it since
        found = store.find("shared")
        memory = found.open_memory()
        assert int.from_bytes(os.pread(memory, 4, 0), "little") == found.state.stack_pointer
        os.close(memory)
print("200 times")
"""

ASKING = """
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (func (export "answer") (result i32) (call $ask (i32.const 4)))
"""


class Guests:
    """Make processes of one program, and images of them."""

    def __init__(self, folder: Path, compiled: ModuleCache, native: bool) -> None:
        self.folder = folder
        (folder / "lib").mkdir()
        binary = bytes(wasmtime.wat2wasm(MAIN_WAT.format(table_maximum="")))
        program = write_program(folder, with_custom_section(binary, "pywasm.abi", ABI.encode()))
        self.embedding = Embedding(program, compiled, {"ask": 1})
        self.images = ImageStore(folder / "images")
        self.native: NativeRestore | None = None
        if native:
            library = load_native(folder / "native")
            assert library is not None, "this machine has a C compiler: the build needs one"
            self.native = NativeRestore(library)

    def add(self, name: str, wat: str, **options: Any) -> str:
        (self.folder / "lib" / name).write_bytes(side_binary(wat, **options))
        return f"{LIBRARIES}/{name}"

    @property
    def mounts(self) -> list[Mount]:
        return [Mount(host=self.folder / "lib", guest=LIBRARIES)]

    def new(self, limits: StoreLimits | None = None, answer: int = 0) -> GuestProcess:
        process = GuestProcess(self.embedding, ProcessSettings(mounts=self.mounts), limits=limits)
        process.functions = {"ask": lambda number: number + answer}
        return process

    def open(self, file: ImageFile | None) -> Image:
        assert file is not None
        return Image(file, self.embedding, MountTable(self.mounts), self.native)


@pytest.fixture(params=["native", "python"])
def guests(tmp_path: Path, compiled: ModuleCache, request: pytest.FixtureRequest) -> Guests:
    return Guests(tmp_path, compiled, native=request.param == "native")


def call(process: GuestProcess, handle: int, symbol: str, *arguments: int) -> int:
    """Call a side module's function through its address, as the guest does."""
    process.act()
    slot = process.dynamic_linker().symbol(handle, symbol)
    table = wasmtime.Table._from_raw(process.guest().table.of.table)
    function = table.get(process._store, slot)
    assert isinstance(function, wasmtime.Func)
    result: int = function(process._store, *arguments)
    return result


def test_a_restored_process_goes_on_where_the_first_one_was(guests: Guests) -> None:
    path = guests.add("counter.so", COUNTER, memory=4, table=0)
    first = guests.new()
    first.instantiate()
    handle = first.dynamic_linker().open(path, 0)
    assert call(first, handle, "count") == 1000 + 10 + 12
    image = guests.open(take_image(first, guests.images, "counting"))
    assert call(first, handle, "count") == 1000 + 10 + 14

    for _ in range(3):
        process = guests.new()
        image.restore(process)
        assert call(process, handle, "count") == 1000 + 10 + 14
        assert call(process, handle, "count") == 1000 + 10 + 16
        assert process.dynamic_linker().open(path, 0) == handle
        process.close()
    first.close()
    image.close()


def test_a_restored_process_can_load_more(guests: Guests) -> None:
    counter = guests.add("counter.so", COUNTER, memory=4)
    other = guests.add("other.so", COUNTER.replace("1000", "2000"), memory=4)
    first = guests.new()
    first.instantiate()
    first.dynamic_linker().open(counter, 0)
    image = guests.open(take_image(first, guests.images, "one"))
    process = guests.new()
    image.restore(process)
    more = process.dynamic_linker().open(other, 0)
    assert call(process, more, "count") == 2000 + 10 + 12
    again = guests.open(take_image(process, guests.images, "two"))
    third = guests.new()
    again.restore(third)
    assert call(third, more, "count") == 2000 + 10 + 14
    assert call(third, third.dynamic_linker().open(counter, 0), "count") == 1000 + 10 + 12
    for one in (first, process, third):
        one.close()


def test_functions_of_the_host_act_for_the_process_that_runs(guests: Guests) -> None:
    path = guests.add("asking.so", ASKING)
    first = guests.new(answer=1)
    first.instantiate()
    handle = first.dynamic_linker().open(path, 0)
    assert call(first, handle, "answer") == 5
    slot = first.dynamic_linker().symbol(0, "ask")
    image = guests.open(take_image(first, guests.images, "asking"))
    second = guests.new(answer=2)
    image.restore(second)
    assert call(second, handle, "answer") == 6
    assert call(first, handle, "answer") == 5
    assert second.dynamic_linker().symbol(0, "ask") == slot
    with pytest.raises(LinkError, match="undefined symbol: tell"):
        second.dynamic_linker().symbol(0, "tell")


def test_memory_that_has_grown_and_the_limit_of_the_store(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    memory = first.guest().memory
    grown = wasmtime.Memory._from_raw(memory.of.memory)
    grown.grow(first._store, 5)
    assert first.space.write(memory, 6 << 16, b"at the end")
    file = take_image(first, guests.images, "large")
    assert file.state.memory_bytes == 7 << 16
    image = guests.open(file)
    second = guests.new(StoreLimits(memory_bytes=7 << 16))
    image.restore(second)
    assert second.space.read(second.guest().memory, 6 << 16, 10) == b"at the end"
    with pytest.raises(ImageError, match=r"needs 458752 bytes of memory, more than the limit"):
        image.restore(guests.new(StoreLimits(memory_bytes=6 << 16)))


def test_globals_that_an_image_would_lose(guests: Guests) -> None:
    path = guests.add("global.so", "(global $kept (mut i32) (i32.const 0))")
    first = guests.new()
    first.instantiate()
    first.dynamic_linker().open(path, 0)
    with pytest.raises(ImageError, match=r"/lib/global\.so keeps something in a global"):
        take_image(first, guests.images, "lossy")
    assert guests.images.find("lossy") is None


def test_an_image_is_sparse_and_private(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    file = take_image(first, guests.images, "sparse")
    status = file.memory.stat()
    assert status.st_size == 2 << 16
    assert status.st_blocks * 512 < status.st_size
    assert status.st_mode & 0o077 == 0
    image, one, two = guests.open(file), guests.new(), guests.new()
    image.restore(one)
    image.restore(two)
    assert one.space.write(one.guest().memory, 4096, b"mine")
    assert two.space.read(two.guest().memory, 4096, 4) == bytes(4)
    assert b"mine" not in file.memory.read_bytes()


def damage(path: Path, at: int = 2048) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("what", ["memory", "state", "seal of the memory", "seal of the state", "no state", "shorter"])
def test_a_damaged_image_is_none(guests: Guests, what: str) -> None:
    first = guests.new()
    first.instantiate()
    memory = take_image(first, guests.images, "victim").memory
    state = memory.with_name("victim.state.text")
    assert guests.images.find("victim") is not None
    match what:
        case "memory":
            damage(memory)
        case "state":
            damage(state, 40)
        case "seal of the memory":
            seal_path(memory).write_bytes(b"{}")
        case "seal of the state":
            seal_path(state).unlink()
        case "no state":
            state.unlink()
        case "shorter":
            os.truncate(memory, 4096)
    assert guests.images.find("victim") is None
    assert not memory.exists(), "it is made again rather than looked at again"
    assert guests.images.find("never made") is None


def test_a_touched_image_is_hashed_and_used(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    memory = take_image(first, guests.images, "touched").memory
    os.utime(memory, (1, 1))
    assert guests.images.find("touched") is not None


def test_an_image_that_another_process_replaces_is_not_mixed_with_it(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    take_image(first, guests.images, "replaced")
    file = guests.images.find("replaced")
    take_image(first, ImageStore(guests.images.folder), "replaced")
    with pytest.raises(FileNotFoundError):
        guests.open(file)
    guests.open(guests.images.find("replaced")).close()


def test_many_processes_take_and_find_one_image(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    take_image(first, guests.images, "shared")
    processes = []
    for number in range(3):  # each with contents of its own, which must not be mixed
        script = [sys.executable, "-c", TAKING, str(guests.images.folder), str(number)]
        processes.append(subprocess.Popen(script, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    endings = [(process.communicate(timeout=60)[0], process.returncode) for process in processes]
    assert endings == [("200 times\n", 0)] * 3
    assert {path.name for path in guests.images.folder.iterdir()} == {
        "shared.memory",
        "shared.json",
        "shared.state.text",
        "shared.state.json",
    }


def test_images_that_were_not_used_for_longest_go_first(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    size = 80 << 10  # of one image and its three small files, roughly
    store = ImageStore(guests.folder / "few", max_bytes=3 * size)
    for number in range(6):
        take_image(first, store, f"image-{number}")
        for path in store.folder.glob(f"image-{number}.*"):
            os.utime(path, (number, number))
        store.find("image-0")
    assert store.find("image-0") is not None, "it was used all the time"
    assert store.find("image-1") is None
    assert store.find("image-5") is not None


def test_images_that_do_not_fit(guests: Guests, tmp_path: Path, compiled: ModuleCache) -> None:
    path = guests.add("counter.so", COUNTER, memory=4)
    first = guests.new()
    first.instantiate()
    first.dynamic_linker().open(path, 0)
    file = take_image(first, guests.images, "fitting")
    (tmp_path / "other").mkdir()
    other = Guests(tmp_path / "other", compiled, native=False)
    program = write_program(other.folder, bytes(wasmtime.wat2wasm("(module)")))
    other.embedding = Embedding(program, compiled)
    with pytest.raises(ImageError, match="another program"):
        other.open(file)
    process = guests.new()
    guests.open(file).restore(process)
    guests.add("counter.so", COUNTER.replace("1000", "1001"), memory=4)
    assert guests.open(file) is not None, "its code is compiled already"
    with pytest.raises(LinkError, match=r"counter\.so: the file has changed"):
        process.dynamic_linker()


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": 99}', b'{"format": 1}', b"\xff"])
def test_texts_that_are_no_state(text: bytes) -> None:
    with pytest.raises(ImageError):
        state_from_json(text)


def test_a_state_is_read_as_it_was_written(guests: Guests) -> None:
    first = guests.new()
    first.instantiate()
    first.dynamic_linker().open(guests.add("counter.so", COUNTER, memory=4), 0)
    state = take_image(first, guests.images, "same").state
    read = state_from_json(state.to_json())
    assert read.to_json() == state.to_json()
    assert tuple(read.parts) == tuple(state.parts)
    assert read.fills == state.fills


def test_a_file_can_be_shared_between_guests(guests: Guests, tmp_path: Path) -> None:
    shared = tmp_path / "value"
    shared.write_bytes(bytes(1 << 16))
    processes = [guests.new(), guests.new()]
    for process in processes:
        process.instantiate()
        with shared.open("r+b") as file:
            map_file(file.fileno(), process.space.base(process.guest().memory) + (1 << 16), 1 << 16, shared=True)
    assert processes[0].space.write(processes[0].guest().memory, 70000, struct.pack("<i", 42))
    assert processes[1].space.read(processes[1].guest().memory, 70000, 4) == struct.pack("<i", 42)
    with pytest.raises(OSError, match="Bad file descriptor"):
        map_file(-1, processes[0].space.base(processes[0].guest().memory), 1 << 16, shared=True)


def test_without_a_compiler_there_is_no_native_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert load_native(tmp_path / "none") is None


def test_a_module_that_uses_its_data_segments_stays_as_it_is() -> None:
    passive = bytes(
        wasmtime.wat2wasm(
            """(module (memory 1) (data $text "text")
                 (func (export "again") (memory.init $text (i32.const 0) (i32.const 0) (i32.const 4))))"""
        )
    )
    assert without_initialisation(passive) == passive
    active = bytes(wasmtime.wat2wasm('(module (memory 1) (data (i32.const 0) "text") (func $go) (start $go))'))
    stripped = without_initialisation(active)
    assert b"text" not in stripped
    wasmtime.Module.validate(wasmtime.Engine(), stripped)
