"""A small guest for linker tests: a main module in WAT, and side modules beside it, made of WAT too."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import wasmtime

from pywasm_binary import WasmModule
from pywasm_binary.sections import HEADER
from pywasm_binary.writer import dylink_section, name, uleb, vector, with_custom_section
from pywasm_runtime.guest import Guest
from pywasm_runtime.library import MainModule
from pywasm_runtime.linker import DynamicLinker
from pywasm_runtime.loader import Loader
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.mounts import Mount, MountTable
from pywasm_runtime.raw import Space

ABI = "pywasm-1"
WEAK = 1
LIBRARIES = "/lib"
LONE = "/lone"

MAIN_WAT = """
(module
  (memory (export "memory") 2 20)
  (table (export "__indirect_function_table") 4 {table_maximum} funcref)
  (global $sp (export "__stack_pointer") (mut i32) (i32.const 65536))
  (global (export "main_data") i32 (i32.const 1024))
  (tag (export "__cpp_exception") (param i32))
  (tag (export "__c_longjmp") (param i32))
  (func $double (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "plus_ten") (param i32) (result i32) (i32.add (local.get 0) (i32.const 10)))
  (func $log (export "log") (param i32)
    (i32.store8 (i32.load (i32.const 2048)) (local.get 0))
    (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))))
  (func (export "aligned_alloc") (param $align i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (i32.load (i32.const 2040)) (i32.sub (local.get $align) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get $align))))
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const 131072))
      (then (return (i32.const 0))))
    (i32.store (i32.const 2040) (i32.add (local.get $at) (local.get $size)))
    (memory.fill (local.get $at) (i32.const 0xaa) (local.get $size))
    (local.get $at))
  (func (export "free") (param i32) (i32.store (i32.const 2044) (i32.add (i32.load (i32.const 2044)) (i32.const 1))))
  (func (export "count_freed") (result i32) (i32.load (i32.const 2044)))
  (data (i32.const 2040) "\\70\\11\\01\\00\\00\\00\\00\\00\\04\\08\\00\\00")
  (elem (i32.const 1) $double))
"""
"""`log` appends a byte at 2052; `aligned_alloc` fills with 0xaa, so that zeroing shows."""

ENV = """
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__memory_base" (global $mb i32))
  (import "env" "__table_base" (global $tb i32))
"""


def side_binary(
    wat: str,
    *,
    memory: int = 0,
    memory_log2: int = 0,
    table: int = 0,
    needed: Sequence[str] = (),
    paths: Sequence[str] = (),
    weak: Iterable[tuple[str, str]] = (),
    abi: str | None = ABI,
    logs: str = "",
) -> bytes:
    """Give a side module's bytes; `wat` is what stands between `(module` and its end.

    With `logs`, its constructor logs that letter.
    """
    if logs:
        call = f'(func (export "__wasm_call_ctors") (call $log (i32.const {ord(logs)})))'
        wat = f'(import "env" "log" (func $log (param i32))) {wat} {call}'
    module = bytes(wasmtime.wat2wasm(f"(module {wat})"))
    parts = [(1, b"".join(map(uleb, (memory, memory_log2, table, 0))))]
    if needed:
        parts.append((2, vector([name(one) for one in needed])))
    flags = [name(module_name) + name(symbol) + uleb(WEAK) for module_name, symbol in weak]
    if flags:
        parts.append((4, vector(flags)))
    if paths:
        parts.append((5, vector([name(one) for one in paths])))
    binary = HEADER + dylink_section(parts) + module[len(HEADER) :]
    return binary if abi is None else with_custom_section(binary, "pywasm.abi", abi.encode())


class World:
    """Hold a guest whose `/lib` is `folder`, and its linker."""

    def __init__(
        self,
        folder: Path,
        compiled: ModuleCache,
        *,
        library_path: Sequence[str] = (LIBRARIES,),
        table_maximum: str = "",
        main_abi: str | None = ABI,
    ) -> None:
        self.folder = folder
        self.store = wasmtime.Store(compiled.engine)
        self.space = Space(self.store)
        binary = bytes(wasmtime.wat2wasm(MAIN_WAT.format(table_maximum=table_maximum)))
        if main_abi is not None:
            binary = with_custom_section(binary, "pywasm.abi", main_abi.encode())
        self.instance = self.space.instantiate(wasmtime.Module(compiled.engine, binary), [])
        guest = Guest(self.space, self.instance)
        self.guest = guest
        mounts = MountTable([Mount(host=folder, guest=LIBRARIES)])

        def main() -> MainModule:
            return MainModule(self.space, self.instance, WasmModule(binary), "/main.wasm")

        self.linker = DynamicLinker(guest, main, Loader(mounts, library_path), compiled)

    def add(self, file: str, wat: str, **options: Any) -> str:
        """Write a side module and give the guest's path of it."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(side_binary(wat, **options))
        return f"{LIBRARIES}/{file}"

    def load(self, file: str, wat: str, flags: int = 0, **options: Any) -> int:
        """Write a side module, open it and give its handle."""
        return self.linker.open(self.add(file, wat, **options), flags)

    def function(self, slot: int) -> Any:
        """Give the function in a slot of the table, None if there is none."""
        table = wasmtime.Table._from_raw(self.guest.table.of.table)
        found = table.get(self.store, slot)
        return found if isinstance(found, wasmtime.Func) else None

    def call(self, handle: int, symbol: str, *arguments: int) -> Any:
        """Call a symbol as the guest would: through its address."""
        return self.function(self.linker.symbol(handle, symbol))(self.store, *arguments)

    def call_main(self, symbol: str, *arguments: int) -> int:
        """Call an export of the main module."""
        return self.space.call(self.space.export(self.instance, symbol), *arguments)

    def word(self, address: int) -> int:
        """Read an i32 of the guest's memory."""
        content = self.space.read(self.guest.memory, address, 4)
        assert content is not None
        return int.from_bytes(content, "little")

    @property
    def log(self) -> bytes:
        """Give what the guest passed to `log`, one byte a call."""
        content = self.space.read(self.guest.memory, 2052, self.word(2048) - 2052)
        assert content is not None
        return content

    @property
    def stack_pointer(self) -> int:
        """Give the guest's stack pointer."""
        return self.space.global_value(self.guest.stack_pointer)

    @property
    def table_size(self) -> int:
        """Count the slots of the guest's table."""
        return self.space.table_size(self.guest.table)


__all__ = ["ENV", "LIBRARIES", "World", "side_binary"]
