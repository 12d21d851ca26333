"""Decide what python.wasm exports: all that a side module may import from it.

That is CPython's C API with its private functions, the whole C library and the C++ runtime. `--export` pulls
a symbol out of its archive, so code that python.wasm itself does not call is there for side modules too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pywasm_binary.object import defined_names, objects_in, read_symbols

# The entry points of a program, which no side module calls.
_ENTRIES = frozenset(("main", "__main_argc_argv", "__main_void", "_start", "_initialize"))

LINKER_FLAGS = (
    # Twice configure's, for CPython's own limits of recursion; the deepest known use is 7 MiB.
    "-z,stack-size=16777216",
    "--initial-memory=33554432",
    "--export-table",
    "--growable-table",
    "--export=__stack_pointer",
    "--export=__cpp_exception",
    "--export=__c_longjmp",
    # Names are kept: a trap's backtrace is made of them.
    "--strip-debug",
)


def exported_names(first: Iterable[Path], libraries: Iterable[Path]) -> list[str]:
    """List what python.wasm exports, sorted.

    first: objects and archives that are linked for sure, CPython's own.
    libraries: archives of the sysroot. A member that defines again what `first` defines (CPython brings stubs of
        pthread functions, libc has others) is left out as a whole: pulling it in would clash.
    """
    own: set[str] = set()
    for path in first:
        own |= defined_names(path.read_bytes())
    names = set(own)
    for path in libraries:
        for _, member in objects_in(path.read_bytes()):
            symbols = [s for s in read_symbols(member) if s.defined and not s.local]
            if not any(s.name in own for s in symbols if not s.weak):
                names |= defined_names(member)
    return sorted(names - _ENTRIES)


def write_response_file(path: Path, names: Iterable[str]) -> None:
    """Write a response file for wasm-ld that exports `names`."""
    path.write_text("".join(f"--export={name}\n" for name in names), "utf-8")
