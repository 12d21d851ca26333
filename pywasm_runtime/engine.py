"""Configure wasmtime: one engine per process, the same for running and for compiling ahead."""

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import wasmtime
from wasmtime import _bindings

DEFAULT_STACK_BYTES = 32 << 20
"""Stack for wasm frames. Deep recursion in CPython's own C code (parser, repr, pickle) needs some 8 MiB."""

NATIVE_MARGIN_BYTES = 8 << 20
"""What host functions may use of a thread's stack beyond the wasm frames."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Hold what can vary; `stack_bytes` limits the wasm frames of one call."""

    stack_bytes: int = DEFAULT_STACK_BYTES

    @property
    def thread_stack_bytes(self) -> int:
        """Give the stack of a thread that runs a guest: the guest must trap before it ends."""
        return self.stack_bytes + NATIVE_MARGIN_BYTES


def new_engine(settings: EngineSettings | None = None) -> wasmtime.Engine:
    """Make an engine with standard exception handling."""
    settings = settings or EngineSettings()
    config = wasmtime.Config()
    config.wasm_exceptions = True
    config.parallel_compilation = True
    # wasmtime checks at start that its (unused) async stacks hold a whole wasm stack, and aborts otherwise.
    _bindings.wasmtime_config_async_stack_size_set(config.ptr(), settings.thread_stack_bytes)
    config.max_wasm_stack = settings.stack_bytes
    return wasmtime.Engine(config)


@cache
def code_identity() -> str:
    """Describe what compiled code depends on: wasmtime's version, `new_engine`'s switches, the machine."""
    return f"wasmtime {_wasmtime_version()}; exceptions; {platform.system()} {platform.machine()}"


def _wasmtime_version() -> str:
    # importlib.metadata would say it too, but takes 25 ms, a tenth of the time that starting a guest may
    # take.
    for entry in Path(wasmtime.__file__).parent.parent.glob("wasmtime-*.dist-info"):
        return entry.name.removeprefix("wasmtime-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("wasmtime")
