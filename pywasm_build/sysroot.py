"""Make the sysroot of the host triple: wasi-libc, the builtins, our additions to both.

wasi-libc and the builtins come from Debian packages of architecture "all", the same on every machine.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from pywasm_build import archive
from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.drivers import abi_object
from pywasm_build.errors import BuildError

SOURCES = ("wasi-libc", "compiler-rt")
ADDITIONS = Path(__file__).with_name("libc")
_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE")
# What packages are told that WASI has, by this macro and this library, as wasi-libc does with what it emulates. Nothing
# else is: configure scripts, CPython's above all, would make use of sockets and signals that only fail.
_FOR_PACKAGES = "-D_WASI_EMULATED_POSIX"
_PACKAGES_LIBRARY = "libwasi-emulated-posix.a"
# What a side module that needs it gets a copy of.
_SIDE_MODULES_LIBRARY = "libpywasm-side-modules.a"


def install_sysroot(context: Context, root: Path) -> None:
    """Put wasi-libc into `root`/sysroot and the builtins where clang looks for them."""
    settings = context.toolchain_settings
    triple, unpacked = settings["triple"], root / "unpacked"
    for name in SOURCES:
        archive.unpack(context.sources.fetch(name), unpacked / name)
    libc = unpacked / "wasi-libc" / "usr"
    sysroot = root / "sysroot"
    # The packages' folder has the triple's older name.
    older = triple.replace("wasip1", "wasi")
    shutil.copytree(libc / "include" / older, sysroot / "include" / triple)
    shutil.copytree(libc / "lib" / older, sysroot / "lib" / triple)
    (builtins,) = (unpacked / "compiler-rt").rglob("libclang_rt.builtins-wasm32.a")
    target = root / "resource" / "lib" / settings["resource_triple"] / "libclang_rt.builtins.a"
    target.parent.mkdir(parents=True)
    shutil.copy(builtins, target)
    shutil.rmtree(unpacked)


def assemble_support(context: Context, root: Path) -> None:
    """Make the ABI object, and the library of the two exception tags that no compiler output defines."""
    settings = context.toolchain_settings
    triple, run, log = settings["triple"], context.runner.run, context.workspace.log("toolchain")
    clang = root / "bin" / f"{triple}-clang"
    sources = {
        "abi": f'.section .custom_section.pywasm.abi,"",@\n.ascii "{settings["abi"]}"\n',
        **{tag: f".tagtype {tag} i32\n.globl {tag}\n{tag}:\n" for tag in ("__cpp_exception", "__c_longjmp")},
    }
    folder = root / "lib"
    for name, text in sources.items():
        (folder / f"{name}.s").write_text(text, "utf-8")
        run([clang, "-c", folder / f"{name}.s", "-o", folder / f"{name}.o"], cwd=folder, log=log)
    tags = [folder / "__cpp_exception.o", folder / "__c_longjmp.o"]
    library = root / "sysroot" / "lib" / triple / "libwasm-tags.a"
    run([root / "bin" / f"{triple}-ar", "rcs", library, *tags], cwd=folder, log=log)
    if not abi_object(root).is_file():
        raise BuildError(f"{abi_object(root)} was not made")


def amend_libc(context: Context, root: Path) -> None:
    """Replace parts of the C library: by headers, and by C files with the name of the member they replace.

    What is in posix/ and in side_modules/ becomes libraries of their own.
    """
    triple = context.toolchain_settings["triple"]
    amend_headers(root / "sysroot" / "include" / triple)
    _add_members(context, root, ADDITIONS, "libc.a")
    _add_members(context, root, ADDITIONS / "posix", _PACKAGES_LIBRARY, _FOR_PACKAGES)
    _add_members(context, root, ADDITIONS / "side_modules", _SIDE_MODULES_LIBRARY, "-fPIC")


def _add_members(context: Context, root: Path, sources: Path, library: str, *flags: str) -> None:
    """Compile the C files in `sources` into a library of the sysroot, which is made if there is none."""
    triple = context.toolchain_settings["triple"]
    log, folder = context.workspace.log("toolchain"), root / "lib"
    members = []
    for source in sorted(sources.glob("*.c")):
        members.append(folder / f"{source.stem}.o")
        command: list[Argument] = [root / "bin" / f"{triple}-clang", *_FLAGS, *flags, "-c", source, "-o", members[-1]]
        context.runner.run(command, cwd=folder, log=log)
    archived = root / "sysroot" / "lib" / triple / library
    context.runner.run([root / "bin" / f"{triple}-ar", "rcs", archived, *members], cwd=folder, log=log)


def amend_headers(headers: Path) -> None:
    """Let the installed headers in `headers` declare what libc/ provides; raises BuildError for what has no effect."""
    shutil.copytree(ADDITIONS / "headers", headers, dirs_exist_ok=True)
    declarations = ADDITIONS / "declarations"
    shutil.copytree(declarations, headers / "pywasm")
    for addition in sorted(declarations.rglob("*.h")):
        name = addition.relative_to(declarations)
        if not (headers / name).is_file():
            raise BuildError(f"{addition}: there is no header {headers / name} that it could add to")
        with (headers / name).open("a", encoding="utf-8") as header:
            header.write(f"\n#include <pywasm/{name.as_posix()}>\n")
    for guard in tomllib.loads((ADDITIONS / "provided.toml").read_text("utf-8"))["guards"]:
        _open_guard(headers, f"#ifdef __wasilibc_unmodified_upstream /* {guard} */")


def _open_guard(headers: Path, line: str) -> None:
    found = [path for path in headers.rglob("*.h") if line in path.read_text("utf-8")]
    if not found:
        raise BuildError(f"{ADDITIONS / 'provided.toml'}: no header in {headers} has a line {line!r}")
    for path in found:
        path.write_text(path.read_text("utf-8").replace(line, "#if 1"), "utf-8")
