"""Tell a guest that nobody reads its output any more.

wasmtime answers EIO to a write into a pipe that has no reader. Programs know EPIPE, and Python raises
BrokenPipeError for it. So a function between guest and WASI translates. WASI looks for the memory in the
instance that calls it: the function lies in a module that has the guest's memory. That module can only be
made after the guest, so the guest calls it through a slot that is filled then.
"""

import hashlib
from typing import Any

import wasmtime

from pywasm_runtime import raw
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.raw import Extern, Space

FD_WRITE = "fd_write"
_SLOT = "slot"
# errno in WASI: 29 is EIO, 64 is EPIPE. Descriptors 1 and 2 are stdout and stderr.
_OUTER = """
(module
  (type $fd_write (func (param i32 i32 i32 i32) (result i32)))
  (table (export "slot") 1 1 funcref)
  (func (export "fd_write") (type $fd_write)
    (call_indirect (type $fd_write)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 0))))
"""
_INNER = """
(module
  (import "wasi" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") (import "guest" "memory") 0)
  (func (export "fd_write") (param $fd i32) (param i32 i32 i32) (result i32)
    (local $errno i32)
    (local.set $errno (call $write (local.get $fd) (local.get 1) (local.get 2) (local.get 3)))
    (if (result i32)
        (i32.and (i32.eq (local.get $errno) (i32.const 29))
                 (i32.or (i32.eq (local.get $fd) (i32.const 1)) (i32.eq (local.get $fd) (i32.const 2))))
      (then (i32.const 64))
      (else (local.get $errno)))))
"""


class PipeErrors:
    """Hold the function that a guest gets in place of `fd_write`, which is WASI's own."""

    def __init__(self, space: Space, compiled: ModuleCache, fd_write: Extern) -> None:
        self._space, self._compiled, self._wasi = space, compiled, fd_write
        self._outer = self._instance(_OUTER, [])
        self.function = space.export(self._outer, FD_WRITE)

    def attach(self, memory: Extern) -> None:
        """Let the function act in the guest's memory; a guest that writes before this traps."""
        inner = self._instance(_INNER, [self._wasi, memory])
        table = self._space.export_of(self._outer, _SLOT, raw.TABLE)
        self._space.set_slot(table, 0, self._space.export(inner, FD_WRITE))

    def _instance(self, text: str, imports: list[Extern]) -> Any:
        digest = hashlib.sha256(text.encode()).hexdigest()
        module = self._compiled.load(digest, lambda: bytes(wasmtime.wat2wasm(text)), f"{FD_WRITE} of the guest")
        return self._space.instantiate(module, imports)
