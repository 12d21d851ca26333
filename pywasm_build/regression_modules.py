"""Build the extension modules that only CPython's tests import, `_testcapi` and its like, as side modules.

CPython's own build has several of them for no WASI, because it knows no dlopen there; and linked into python.wasm
they would be in everybody's way. Their sources are those that its Modules/Setup.stdlib.in names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from pywasm_build.command import Argument, in_parallel
from pywasm_build.context import Context
from pywasm_build.cpython import PREFIX, HostPython
from pywasm_build.errors import RecipeError, did_you_mean

# @MODULE__TESTBUFFER_TRUE@_testbuffer _testbuffer.c
_MODULE = re.compile(r"^@MODULE_\w+@(\w+) +(\S.*)$", re.MULTILINE)
_FLAGS = ("-O2", "-DNDEBUG", "-fPIC", "-shared")


def build_test_modules(context: Context, host: HostPython, source: Path, folder: Path, names: Sequence[str]) -> None:
    """Build these modules of a source tree into `folder`; raises RecipeError for one that it does not have."""
    listed = dict(_MODULE.findall((source / "Modules" / "Setup.stdlib.in").read_text("utf-8")))
    for name in names:
        if name not in listed:
            raise RecipeError(f"CPython has no extension module {name!r} for tests{did_you_mean(name, listed)}")
    calls = [functools.partial(_build, context, host, source, folder, name, listed[name].split()) for name in names]
    in_parallel(context.runner, calls, jobs=context.jobs)


def _build(context: Context, host: HostPython, source: Path, folder: Path, name: str, files: Sequence[str]) -> None:
    # pyconfig.h is in the installed tree; it must be found before any other.
    installed = host.root / PREFIX.lstrip("/") / "include" / f"python{host.short}"
    includes = (installed, source / "Include", source / "Include" / "internal", source / "Modules")
    target = folder / f"{name}.cpython-{host.short.replace('.', '')}-wasm32-wasi.so"
    command: list[Argument] = [
        host.toolchain.driver("clang"),
        *_FLAGS,
        *(f"-I{include}" for include in includes),
        *(source / "Modules" / file for file in files),
        *("-o", target),
    ]
    context.runner.run(command, cwd=folder, log=context.workspace.log("regression-root"))
