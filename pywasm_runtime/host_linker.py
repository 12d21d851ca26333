"""Define the host's functions once for all processes of an engine.

A function that belongs to a store costs 10 µs to define, one in a wasmtime linker nothing in the next store. So
they are defined there, and act for the process that runs: one at a time, because a thread is in one guest only.
"""

import ctypes
from collections.abc import Callable, Mapping
from ctypes import byref
from typing import Any

import wasmtime
from wasmtime import _bindings as c

from pywasm_runtime.errors import ModuleError
from pywasm_runtime.module_cache import one_line
from pywasm_runtime.raw import FUNC, U32, Extern, Space

Bodies = Mapping[str, Callable[..., int]]

_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


def c_text(text: str) -> tuple[Any, int]:
    """Give a text as wasmtime's C functions take it: address and length."""
    raw = text.encode()
    return ctypes.create_string_buffer(raw, len(raw) or 1), len(raw)


class HostLinker:
    """Hold WASI and our own functions for `engine`.

    What a body raises stops the guest and comes out of the call that entered it: GuestExit thus ends the process.
    Whatever the guest is to handle, a body has to return.
    """

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._linker = wasmtime.Linker(engine)
        self._linker.define_wasi()
        self._linker.allow_shadowing = True
        self._callbacks: list[Any] = []
        self._space: Space | None = None
        self._own: Bodies = {}
        self._looked_up: Bodies = {}

    def define(self, module: str, functions: Mapping[str, int], results: int = 1) -> None:
        """Define functions of a module, each with so many i32 parameters and one or no i32 result."""
        i32 = wasmtime.ValType.i32()
        for name, parameters in functions.items():
            kind = wasmtime.FuncType([i32] * parameters, [i32] * results)
            callback = c.wasmtime_func_unchecked_callback_t(self._entrance(name, parameters, results))
            self._callbacks.append(callback)  # wasmtime holds the address only
            (where, where_length), (what, what_length) = c_text(module), c_text(name)
            error = c.wasmtime_linker_define_func_unchecked(
                self._linker.ptr(),
                where,
                where_length,
                what,
                what_length,
                kind.ptr(),
                callback,
                None,
                _NO_FINALIZER,
            )
            if error:
                raise ModuleError(one_line(wasmtime.WasmtimeError._from_ptr(error)))

    def act_for(self, space: Space, own: Bodies, looked_up: Bodies) -> None:
        """Let the functions act for the process in `space` from now on; `looked_up` are found by the guest by name."""
        self._space, self._own, self._looked_up = space, own, looked_up

    def prepare(self, module: wasmtime.Module) -> Any:
        """Resolve a module's imports once, for `instantiate`; raises ModuleError if one is not there."""
        prepared = ctypes.POINTER(c.wasmtime_instance_pre)()
        error = c.wasmtime_linker_instantiate_pre(self._linker.ptr(), module.ptr(), byref(prepared))
        if error:
            raise ModuleError(one_line(wasmtime.WasmtimeError._from_ptr(error)))
        return prepared

    def instantiate(self, prepared: Any, space: Space) -> Any:
        """Make an instance in a store; raises GuestTrap, GuestExit."""
        instance = c.wasmtime_instance_t()
        trap = ctypes.POINTER(c.wasm_trap_t)()
        error = c.wasmtime_instance_pre_instantiate(prepared, space.context, byref(instance), byref(trap))
        space.check(error, trap, refused=ModuleError)
        return instance

    def function(self, space: Space, module: str, name: str) -> Extern | None:
        """Give a function that was defined as one of a store, None if there is none."""
        item: Extern = c.wasmtime_extern_t()
        found = c.wasmtime_linker_get(self._linker.ptr(), space.context, *c_text(module), *c_text(name), byref(item))
        return item if found and item.kind == FUNC else None

    @property
    def pointer(self) -> Any:
        """Give wasmtime's own linker, for code that calls its C functions."""
        return self._linker.ptr()

    def _entrance(self, name: str, parameters: int, results: int) -> Callable[..., int]:
        numbers = range(parameters)

        def enter(environment: Any, caller: Any, values: Any, count: int) -> int:
            del environment, caller, count
            try:
                body = self._own.get(name) or self._looked_up[name]
                result = body(*[values[index].i32 & U32 for index in numbers])
                if results:
                    values[0].i32 = result
            except BaseException as error:
                return self._stop(error)
            return 0

        return enter

    def _stop(self, error: BaseException) -> int:
        if self._space is not None:
            self._space.stop(error)
        message = b"a host function stopped the guest"
        return ctypes.cast(c.wasmtime_trap_new(message, len(message)), ctypes.c_void_p).value or 0
