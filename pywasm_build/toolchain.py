"""Make the toolchain: LLVM, a sysroot with the C++ runtime, compiler drivers, tried on real programs.

<product>/bin/        drivers, wasm32-wasip1.cmake, wasm32-wasip1.meson.ini
<product>/sysroot/    headers and libraries of wasi-libc and libc++
<product>/resource/   clang's own headers, the builtins
<product>/llvm/       the compiler itself (absent where WASI_SDK_PATH names one)
<product>/lib/        the ABI object; the readers of object files behind the nm and strip drivers
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pywasm_binary
from pywasm_build import archive, cxx_runtime, drivers, store, sysroot, toolchain_trial
from pywasm_build.context import Context
from pywasm_build.cxx_runtime import build_cxx_runtime
from pywasm_build.drivers import Tools, write_build_system_files, write_drivers
from pywasm_build.errors import MachineError, UsageError
from pywasm_build.store import JSON, Stage, link_or_copy, source_hash
from pywasm_build.sysroot import amend_libc, assemble_support, install_sysroot

# The first clang that compiles exceptions in their standard form; wasmtime refuses the older one.
_OLDEST_LLVM = 20


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A toolchain in the store."""

    root: Path
    triple: str
    abi: str

    @property
    def bin(self) -> Path:
        """The folder of the drivers."""
        return self.root / "bin"

    def driver(self, name: str) -> Path:
        """Return the path of a driver: clang, clang++, ar, ranlib, nm or strip."""
        return self.bin / f"{self.triple}-{name}"

    @property
    def libraries(self) -> Path:
        """The folder of the sysroot's static libraries."""
        return self.root / "sysroot" / "lib" / self.triple

    @property
    def meson_file(self) -> Path:
        """The Meson cross file."""
        return self.bin / f"{self.triple}.meson.ini"

    @property
    def cmake_file(self) -> Path:
        """The CMake toolchain file."""
        return self.bin / f"{self.triple}.cmake"

    @cached_property
    def key(self) -> str:
        """The key of the product, an input of all that it compiles."""
        return self.root.name


def toolchain(context: Context, *, clean: bool = False) -> Toolchain:
    """Return the toolchain; make and try it when it is not in the store."""
    root = context.store.build(_stage(context), lambda product: _make(context, product), clean=clean)
    settings = context.toolchain_settings
    store.link(context.workspace.build / "toolchain", root)
    made = Toolchain(root=root, triple=settings["triple"], abi=settings["abi"])
    _offer_drivers(context, made)
    return made


def _offer_drivers(context: Context, made: Toolchain) -> None:
    """Link the drivers into the checkout's bin/, with files for CMake and Meson that can run what they make."""
    folder = context.workspace.root / "bin"
    for name in ("clang", "clang++", "ar", "ranlib", "nm", "strip"):
        store.link(folder / made.driver(name).name, made.driver(name))
    write_build_system_files(
        folder,
        drivers=made.bin,
        sysroot=made.root / "sysroot",
        triple=made.triple,
        runner=folder / f"{made.triple}-run",
    )


def _stage(context: Context) -> Stage:
    modules = [sys.modules[__name__], drivers, sysroot, cxx_runtime, toolchain_trial, archive, pywasm_binary]
    return Stage(
        "toolchain",
        {
            "llvm": _llvm_identity(context),
            "sources": {name: context.sources.find(name).inputs for name in sysroot.SOURCES},
            "settings": context.toolchain_settings,
            "code": source_hash(*modules),
            "smoke": store.tree_hash(toolchain_trial.PROGRAMS),
            "additions": store.tree_hash(sysroot.ADDITIONS),
            # The nm and strip drivers run on it.
            "python": str(_base_python()),
        },
    )


def _make(context: Context, root: Path) -> Mapping[str, JSON]:
    settings = context.toolchain_settings
    context.say(f"toolchain: {_llvm_identity(context)}")
    wheel = _wheel_folder()
    tools = _install_llvm(context, root, wheel)
    install_sysroot(context, root)
    write_drivers(root, tools, settings)
    assemble_support(context, root)
    amend_libc(context, root)
    context.say("toolchain: C++ runtime")
    build_cxx_runtime(context, sources=wheel / "lib", root=root)
    count = toolchain_trial.smoke_test(context, root)
    context.say(f"toolchain: {count} programs compiled, linked and run")
    return {"llvm": _llvm_identity(context)}


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the package ziglang is not installed; run bin/inv, which installs it")
    return Path(spec.submodule_search_locations[0])


def _sdk(context: Context) -> Path | None:
    named = context.environ.get("WASI_SDK_PATH")
    if not named:
        return None
    folder = Path(named).expanduser().absolute()
    for tool in ("clang", "wasm-ld", "llvm-ar", "llvm-ranlib"):
        if not (folder / "bin" / tool).exists():
            raise UsageError(f"WASI_SDK_PATH is {named}, but {folder / 'bin' / tool} does not exist")
    return folder


def _llvm_identity(context: Context) -> str:
    sdk = _sdk(context)
    if sdk is None:
        return f"ziglang {importlib.metadata.version('ziglang')} {sys.platform} {os.uname().machine}"
    version = context.runner.run([sdk / "bin" / "clang", "--version"], cwd=sdk, capture=True).stdout
    found = re.search(r"clang version ([0-9]+)\.", version)
    if found is None or int(found[1]) < _OLDEST_LLVM:
        said = f"clang {found[1]}" if found else f"what calls itself {version.partition(chr(10))[0]!r}"
        raise UsageError(
            f"WASI_SDK_PATH is {sdk} with {said}; exceptions in their standard form need clang {_OLDEST_LLVM} or newer"
        )
    return f"wasi-sdk {sdk} {version.splitlines()[0]}"


def _install_llvm(context: Context, root: Path, wheel: Path) -> Tools:
    """Put the compiler and its headers into `root`; return the commands."""
    resource = root / "resource"
    resource.mkdir()
    library = root / "lib" / "pywasm_binary"
    shutil.copytree(Path(pywasm_binary.__file__).parent, library, ignore=shutil.ignore_patterns("__pycache__"))
    python = [str(_base_python()), "-I", str(library.parent / "run.py")]
    (library.parent / "run.py").write_text(_RUN_TOOL, "utf-8")
    nm, strip = [*python, "nm"], [*python, "strip"]
    sdk = _sdk(context)
    if sdk:
        headers = context.runner.run(
            [sdk / "bin" / "clang", "-print-resource-dir"], cwd=root, capture=True
        ).stdout.strip()
        (resource / "include").symlink_to(Path(headers) / "include")
        tool = {name: [str(sdk / "bin" / name)] for name in ("clang", "wasm-ld", "llvm-ar", "llvm-ranlib")}
        return Tools(
            clang=tool["clang"],
            linker=tool["wasm-ld"],
            ar=tool["llvm-ar"],
            ranlib=tool["llvm-ranlib"],
            nm=nm,
            strip=strip,
        )
    # The virtual environment may be deleted at any time, so the product keeps its own copy.
    zig = root / "llvm" / "zig"
    zig.parent.mkdir()
    link_or_copy(wheel / "zig", zig)
    shutil.copytree(wheel / "lib" / "include", resource / "include", copy_function=link_or_copy)
    return Tools(
        clang=[str(zig), "clang"],
        linker=[str(zig), "wasm-ld"],
        ar=[str(zig), "ar"],
        ranlib=[str(zig), "ranlib"],
        nm=nm,
        strip=strip,
    )


_RUN_TOOL = """\
import pathlib, runpy, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.argv[:2] = [sys.argv[1]]
runpy.run_module("pywasm_binary." + sys.argv[0], run_name="__main__")
"""


def _base_python() -> Path:
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()
