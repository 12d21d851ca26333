"""Compile the C++ runtime of the sysroot (libc++, libc++abi, the unwinder) from the sources in the ziglang wheel."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pywasm_build.command import in_parallel
from pywasm_build.context import Context
from pywasm_build.errors import BuildError

# Headers that may be the first of libc++'s to be read: each must know the configuration.
_CONFIGURED = ("__config", "__configuration/*.h")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One source file, the compiler driver for it, and its flags."""

    source: Path
    driver: Path
    flags: tuple[str, ...]
    archive: str


def build_cxx_runtime(context: Context, *, sources: Path, root: Path) -> None:
    """Put libc++'s headers, libc++.a and libc++abi.a into the sysroot of the toolchain in `root`.

    sources: folder with libcxx, libcxxabi and libunwind, laid out as in LLVM's repository.
    """
    settings = context.toolchain_settings
    install_headers(sources, root / "sysroot" / "include" / "c++" / "v1", settings["cxx"]["config_site"])
    units = list_units(sources, root / "bin", settings)
    objects = root / "cxx-objects"
    objects.mkdir()
    compile_one = partial(_compile, context, objects=objects)
    compiled = in_parallel(context.runner, [partial(compile_one, u) for u in units], jobs=context.jobs)
    library = root / "sysroot" / "lib" / settings["triple"]
    for archive in sorted({unit.archive for unit in units}):
        members = [o for unit, o in zip(units, compiled, strict=True) if unit.archive == archive]
        context.runner.run(
            [root / "bin" / f"{settings['triple']}-ar", "rcs", library / archive, *members],
            cwd=objects,
            log=context.workspace.log("toolchain"),
        )
    shutil.rmtree(objects)


def install_headers(sources: Path, folder: Path, macros: Mapping[str, str]) -> None:
    """Copy the headers of libc++ and libc++abi to `folder` and configure them with `macros`."""
    shutil.copytree(sources / "libcxx" / "include", folder)
    shutil.copytree(sources / "libcxxabi" / "include", folder, dirs_exist_ok=True)
    lines = [f"#define {name} {value}".rstrip() for name, value in macros.items()]
    guard = "_LIBCPP___CONFIG_SITE"
    text = "\n".join([f"#ifndef {guard}", f"#define {guard}", *lines, "#endif", ""])
    (folder / "__config_site").write_text(text, "utf-8")
    for pattern in _CONFIGURED:
        headers = list(folder.glob(pattern))
        if not headers:
            raise BuildError(f"{sources / 'libcxx'} has no header {pattern}: its layout is another one than expected")
        for header in headers:
            # The wheel's copy leaves this line out: zig gives the macros on its command line.
            header.write_text("#include <__config_site>\n" + header.read_text("utf-8"), "utf-8")


def list_units(sources: Path, drivers: Path, settings: Mapping[str, Any]) -> list[Unit]:
    """List what is compiled; an entry of the exclude list that names no source is an error."""
    cxx, triple = settings["cxx"], settings["triple"]
    includes = ["libcxx/src", "libcxxabi/include", "libcxxabi/src", "libunwind/include", "libcxx/libc"]
    flags = (*cxx["flags"], *(f"-I{sources / folder}" for folder in includes))
    excluded = [sources / name for name in cxx["exclude"]]
    if missing := [str(path) for path in excluded if not path.is_file()]:
        raise BuildError(f"toolchain.toml excludes C++ sources that do not exist: {', '.join(missing)}")
    units = [
        Unit(source=source, driver=drivers / f"{triple}-clang++", flags=flags, archive=archive)
        for pattern, archive in (
            ("libcxx/src/*.cpp", "libc++.a"),
            ("libcxx/src/ryu/*.cpp", "libc++.a"),
            ("libcxx/src/filesystem/*.cpp", "libc++.a"),
            ("libcxxabi/src/*.cpp", "libc++abi.a"),
        )
        for source in sorted(sources.glob(pattern))
        if source not in excluded
    ]
    unwind = Unit(
        source=sources / "libunwind" / "src" / "Unwind-wasm.c",
        driver=drivers / f"{triple}-clang",
        flags=(*cxx["unwind_flags"], f"-I{sources / 'libunwind' / 'include'}"),
        archive="libc++abi.a",
    )
    return [*units, unwind]


def _compile(context: Context, unit: Unit, *, objects: Path) -> Path:
    folder = "-".join(unit.source.parts[-3:-1])
    target = objects / f"{folder}-{unit.source.stem}.o"
    command: Sequence[str | Path] = [unit.driver, *unit.flags, "-c", unit.source, "-o", target]
    context.runner.run(command, cwd=objects, log=context.workspace.log("toolchain"))
    return target
