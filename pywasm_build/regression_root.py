"""Make the runtime root for CPython's regression test suite: the whole standard library, its tests with it.

It is the runtime root without packages, and what that leaves out: Lib/test from the source, the extension modules
that only tests import, headers and Makefile that test_sysconfig looks for.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pywasm_build import archive, regression_modules
from pywasm_build.context import Context
from pywasm_build.cpython import PREFIX, HostPython
from pywasm_build.native import cpython_source
from pywasm_build.regression_modules import build_test_modules
from pywasm_build.runtime_root import compile_tree, link_tree, main_module_entry, standard_library
from pywasm_build.store import JSON, Stage, source_hash

# The static library alone is as big as all the rest.
_LEFT_OUT = ("__pycache__", "*.a", "*.o", "test")


def regression_root(context: Context, host: HostPython, modules: Sequence[str]) -> Path:
    """Return a runtime root with the complete standard library of this CPython and its tests, compiled.

    modules: the extension modules for tests.
    """
    library = standard_library(context, host)
    source = cpython_source(context)
    stage = Stage(
        "regression-root",
        {
            "library": library.name,
            "host": host.key,
            "source": source.inputs,
            "modules": list(modules),
            "code": source_hash(sys.modules[__name__], regression_modules),
        },
    )
    return context.store.build(stage, lambda root: _make(context, host, library, modules, root))


def test_folder(root: Path, host: HostPython) -> Path:
    """Return the folder of the test files, Lib/test, in a runtime root."""
    return root / PREFIX.lstrip("/") / "lib" / f"python{host.short}" / "test"


test_folder.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a test


def _make(context: Context, host: HostPython, library: Path, modules: Sequence[str], root: Path) -> Mapping[str, JSON]:
    link_tree(library, root)
    tests = test_folder(root, host)
    _copy_what_lacks(host.root, root)
    unpacked = root / "source"
    archive.unpack(context.sources.fetch("cpython"), unpacked, strip=1)
    (unpacked / "Lib" / "test").rename(tests)
    build_test_modules(context, host, unpacked, tests.parent / "lib-dynload", modules)
    shutil.rmtree(unpacked)
    compile_tree(context, host, tests.parent, root)
    return {"python": main_module_entry(host, root)}


def _copy_what_lacks(installed: Path, root: Path) -> None:
    """Copy what the runtime root leaves out of the installed tree."""

    def copy(source: str, target: str) -> str:
        if not Path(target).exists():
            shutil.copy2(source, target)
        return target

    for folder in ("lib", "include"):
        shutil.copytree(
            installed / PREFIX.lstrip("/") / folder,
            root / PREFIX.lstrip("/") / folder,
            ignore=shutil.ignore_patterns(*_LEFT_OUT),
            copy_function=copy,
            dirs_exist_ok=True,
        )
