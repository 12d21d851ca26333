"""Write the compiler drivers and the files that tell CMake and Meson about them.

A driver is a shell script of one word, because build systems split or quote a command with options in many
ways. It adds what the host triple needs, and tells a compilation, a program and a side module apart.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_build.store import write_whole

_NO_LINK = "-c|-E|-S|-M|-MM|-fsyntax-only|--version|-dumpversion|-dumpmachine|-print-*|--print-*"

_CLANG = """\
#!/bin/sh
# Compile for {triple}. Written by `inv toolchain`.
link=program
openmp=
count=$#
while [ $count -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
  {ignored}) ;;
  -fopenmp|-fopenmp=*) openmp={openmp} ;;
  *) set -- "$@" "$argument" ;;
  esac
done
for argument do
  case $argument in
  {no_link}) link= ; break ;;
  -shared|-Wl,-shared) link=shared ;;
  @*)
    # Build systems put a long command into a response file, all of it.
    [ -f "${{argument#@}}" ] || continue
    words=" $(tr -s '[:space:]' ' ' < "${{argument#@}}") "
    case $words in
    *" -c "*|*" -E "*|*" -S "*) link= ; break ;;
    *" -shared "*) link=shared ;;
    esac ;;
  esac
done
case $link in
program) set -- {program_defaults} "$@" {link_flags} ;;
shared) set -- "$@" {shared_flags} ;;
esac
exec {clang} {mode}--start-no-unused-arguments {flags} $openmp --end-no-unused-arguments "$@"
"""

_LINKER = """\
#!/bin/sh
# Link for {triple}: wasm-ld without the options of GNU ld that it does not know. Written by `inv toolchain`.
kind=program
for argument do
  case $argument in
  -shared|--shared) kind=module ;;
  esac
done
count=$#
while [ $count -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $kind:$argument in
  {ignored}) ;;
  {ignored_with_value})
    # Its value is the next argument.
    if [ $count -gt 0 ]; then shift; count=$((count - 1)); fi ;;
  *) set -- "$@" "$argument" ;;
  esac
done
exec {linker} "$@"
"""

_TOOL = """\
#!/bin/sh
exec {command} "$@"
"""

_CMAKE = """\
# CMake toolchain file for {triple}: cmake -DCMAKE_TOOLCHAIN_FILE={path}
set(CMAKE_SYSTEM_NAME WASI)
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_C_COMPILER "{bin}/{triple}-clang")
set(CMAKE_CXX_COMPILER "{bin}/{triple}-clang++")
set(CMAKE_AR "{bin}/{triple}-ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "{bin}/{triple}-ranlib" CACHE FILEPATH "")
set(CMAKE_NM "{bin}/{triple}-nm" CACHE FILEPATH "")
set(CMAKE_STRIP "{bin}/{triple}-strip" CACHE FILEPATH "")
set(CMAKE_FIND_ROOT_PATH "{sysroot}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# A system that CMake does not know has no shared libraries: say how ours are made.
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS TRUE)
set(CMAKE_SHARED_LIBRARY_CREATE_C_FLAGS "-shared")
set(CMAKE_SHARED_LIBRARY_CREATE_CXX_FLAGS "-shared")
set(CMAKE_SHARED_LIBRARY_PREFIX "lib")
set(CMAKE_SHARED_LIBRARY_SUFFIX ".so")
set(CMAKE_C_COMPILE_OPTIONS_PIC "-fPIC")
set(CMAKE_CXX_COMPILE_OPTIONS_PIC "-fPIC")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# The platform's own module sets CMAKE_EXECUTABLE_SUFFIX after this file.
set(CMAKE_EXECUTABLE_SUFFIX_C ".wasm")
set(CMAKE_EXECUTABLE_SUFFIX_CXX ".wasm")
{emulator}"""

_MESON = """\
# Meson cross file for {triple}: meson setup --cross-file {path}
[binaries]
c = '{bin}/{triple}-clang'
cpp = '{bin}/{triple}-clang++'
ar = '{bin}/{triple}-ar'
ranlib = '{bin}/{triple}-ranlib'
nm = '{bin}/{triple}-nm'
strip = '{bin}/{triple}-strip'
{exe_wrapper}
[host_machine]
system = 'wasi'
cpu_family = 'wasm32'
cpu = 'wasm32'
endian = 'little'

[properties]
needs_exe_wrapper = true
# Meson cannot run a program to find this out; clang's long double on wasm is the IEEE quadruple format.
longdouble_format = 'IEEE_QUAD_LE'
"""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The commands behind the drivers, each a list of words."""

    clang: Sequence[str]
    linker: Sequence[str]
    ar: Sequence[str]
    ranlib: Sequence[str]
    nm: Sequence[str]
    strip: Sequence[str]


def write_drivers(root: Path, tools: Tools, settings: Mapping[str, Any]) -> None:
    """Write the drivers and the files for CMake and Meson into `root`/bin; `root` holds sysroot and resource."""
    triple, folder = settings["triple"], root / "bin"
    folder.mkdir(exist_ok=True)
    _write_program(folder / "wasm-ld", _linker_script(tools, settings))
    _write_program(folder / f"{triple}-clang", _clang_script(root, tools, settings, cxx=False))
    _write_program(folder / f"{triple}-clang++", _clang_script(root, tools, settings, cxx=True))
    for name, command in (
        ("ar", tools.ar),
        ("ranlib", tools.ranlib),
        ("nm", tools.nm),
        ("strip", tools.strip),
    ):
        _write_program(folder / f"{triple}-{name}", _TOOL.format(command=shlex.join(command)))
    write_build_system_files(folder, drivers=folder, sysroot=root / "sysroot", triple=triple)


def write_build_system_files(
    folder: Path, *, drivers: Path, sysroot: Path, triple: str, runner: Path | None = None
) -> None:
    """Write <triple>.cmake and <triple>.meson.ini into `folder`; they name the compilers in `drivers`.

    runner: the program that runs what they make, for tests of a build; without it a build runs nothing.
    """
    emulator = f'set(CMAKE_CROSSCOMPILING_EMULATOR "{runner}")\n' if runner else ""
    exe_wrapper = f"exe_wrapper = '{runner}'\n" if runner else ""
    for name, template in ((f"{triple}.cmake", _CMAKE), (f"{triple}.meson.ini", _MESON)):
        path = folder / name
        text = template.format(
            triple=triple, bin=drivers, sysroot=sysroot, path=path, emulator=emulator, exe_wrapper=exe_wrapper
        )
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        # A build may be reading the file right now.
        write_whole(path, text)


def _clang_script(root: Path, tools: Tools, settings: Mapping[str, Any], *, cxx: bool) -> str:
    builtins = root / "resource" / "lib" / settings["resource_triple"] / "libclang_rt.builtins.a"
    flags = [
        f"--target={settings['triple']}",
        f"--sysroot={root / 'sysroot'}",
        "-resource-dir",
        str(root / "resource"),
        "-B",
        str(root / "bin"),
        *settings["compile"]["flags"],
        *(settings["compile"]["cxx_flags"] if cxx else []),
    ]
    shared = [*settings["link"]["shared_flags"], str(abi_object(root)), str(builtins)]
    return _CLANG.format(
        triple=settings["triple"],
        no_link=_NO_LINK,
        ignored="|".join(map(_sh_pattern, settings["compile"]["ignored"])),
        openmp=shlex.quote(settings["compile"]["openmp"]),
        program_defaults=shlex.join(settings["link"]["program_defaults"]),
        clang=shlex.join(tools.clang),
        mode="--driver-mode=g++ " if cxx else "",
        flags=shlex.join(flags),
        link_flags=shlex.join([*settings["link"]["flags"], *(settings["link"]["cxx_flags"] if cxx else [])]),
        shared_flags=shlex.join(shared),
    )


def _linker_script(tools: Tools, settings: Mapping[str, Any]) -> str:
    link = settings["link"]
    patterns = [
        *(f"*:{_sh_pattern(p)}" for p in link["ignored"]),
        *(f"module:{_sh_pattern(p)}" for p in link["provided"]),
    ]
    return _LINKER.format(
        triple=settings["triple"],
        ignored="|".join(patterns),
        ignored_with_value="|".join(f"*:{_sh_pattern(p)}" for p in link["ignored_with_value"]),
        linker=shlex.join(tools.linker),
    )


def _sh_pattern(text: str) -> str:
    """Quote a pattern for sh: a star stays one, everything else is literal."""
    return "*".join(shlex.quote(part) if part else "" for part in text.split("*"))


def abi_object(root: Path) -> Path:
    """Return the object that puts the ABI's name into whatever it is linked into."""
    return root / "lib" / "abi.o"


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o755)
