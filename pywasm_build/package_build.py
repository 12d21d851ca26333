"""What the build of a package is told: the variables and settings by which each build system cross compiles.

setuptools reads CC, CFLAGS and LDFLAGS, CMake a toolchain file, Meson cross files, all of them pkg-config.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.build_system import text_of
from pywasm_build.context import Context
from pywasm_build.cpython import PREFIX
from pywasm_build.crossenv import CrossEnvironment
from pywasm_build.libraries import (
    archive_flags,
    cmake_toolchain,
    compiler_environment,
    library_flags,
    system_library_flags,
)
from pywasm_build.recipes import Recipe

# As CPython itself is compiled; and sources that start threads, open sockets or mask signals compile, which only fails
# when they do.
_FLAGS = ("-O3", "-DNDEBUG", "-fno-strict-overflow", "-D_WASI_EMULATED_PTHREAD", "-D_WASI_EMULATED_POSIX")
# What would differ between two builds of the same: the time, the order of Python's sets, the user's language.
_SAME_EACH_TIME = {
    "SOURCE_DATE_EPOCH": "315532800",  # 1980, the oldest that zip archives know
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": None,
}
# CMake asks for pthread_create in C, where it is not declared, before it believes in <thread>.
_CMAKE_THREADS = "set(CMAKE_HAVE_LIBC_PTHREAD ON)\n"
# What FindPython, and before it FindPythonInterp and -Libs, find by themselves only for the machine that they run on.
_CMAKE_PYTHON = """\
set({name}_EXECUTABLE "{executable}" CACHE FILEPATH "")
set({name}_INCLUDE_DIR "{include}" CACHE PATH "")
set({name}_LIBRARY "{library}" CACHE FILEPATH "")
"""
_EMPTY_ARCHIVE = b"!<arch>\n"
# Meson tries Cython with the headers of the Python that it runs in itself, and gives up because they are not ours.
_NO_TRIAL = "[properties]\nskip_sanity_check = true\n"
# An option that is there to be switched on: option('system-freetype', type: 'boolean', ...
_SYSTEM_LIBRARY = re.compile(
    r"""^\s*option\(\s*['"]system-([\w-]+)['"]\s*,\s*type\s*:\s*['"]boolean['"]""", re.MULTILINE
)

# What is written for one build: programs, a toolchain file, a cross file.
FOLDER = "cross"


@dataclass(frozen=True, kw_only=True)
class PackageBuild:
    """One build of a package, whose sources are unpacked in `tree`; the folder above holds nothing but this build.

    libraries: the prefixes of the native libraries that it uses, by name.
    library_variables: what these tell it besides.
    tools: folders of Python packages that it requires besides the pinned build tools.
    """

    context: Context
    environment: CrossEnvironment
    recipe: Recipe | None
    tree: Path
    libraries: Mapping[str, Path]
    library_variables: Mapping[str, str]
    tools: Sequence[Path]

    def variables(self) -> dict[str, str | None]:
        """Return the environment of the build; None for a variable that it must not have."""
        used = list(self.libraries.values())
        # What sources merely include must not hide what they bring themselves.
        flags = library_flags(used) if self.recipe else system_library_flags(used)
        linked = f"{flags.get('LDFLAGS', '')} {archive_flags(used)}".strip()
        compiler, home = self.environment.host.toolchain, str(self.tree.parent / "home")
        common = [*_FLAGS, *self._mapped_paths()]
        return {
            # CC and so on come from cross-python's sysconfig too, but not every backend asks it.
            **compiler_environment(compiler),
            **flags,
            **self.library_variables,
            "CMAKE_TOOLCHAIN_FILE": str(self._cmake_file(used)),
            # setuptools takes these instead of CPython's own flags, not besides.
            **{name: " ".join([*common, flags.get(name, "")]).strip() for name in ("CFLAGS", "CXXFLAGS")},
            **({"LDFLAGS": linked} if linked else {}),
            **_SAME_EACH_TIME,
            **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), home),
            **self._paths(),
            # As --host and --build for configure scripts that a build calls; what they built cannot be run to test it.
            "host_alias": compiler.triple,
            "build_alias": self.context.build_triple,
            "MAKEFLAGS": "TESTS= check_PROGRAMS=",
            **(self.recipe.environment if self.recipe else {}),
        }

    def _paths(self) -> dict[str, str]:
        # The pinned tools hide the machine's; without their pip, which would make wheels for the build machine.
        first = [self._programs(), self.environment.programs]
        machine = self.context.environ.get("PATH", os.defpath)
        return {
            "PATH": os.pathsep.join([*map(str, first), machine, *(str(folder / "bin") for folder in self.tools)]),
            "PYTHONPATH": os.pathsep.join(map(str, self._python_folders())),
        }

    def _python_folders(self) -> list[Path]:
        return [*self.tools, self.environment.tools_path]

    def _mapped_paths(self) -> list[str]:
        """Return flags that keep folders of the build machine out of what the compiler writes (__FILE__)."""
        host = self.environment.host
        folders = {self.tree: ".", host.root: "", host.toolchain.root: ""}
        return [f"-ffile-prefix-map={folder}={name}" for folder, name in folders.items()]

    def config_settings(self, backend: str) -> dict[str, list[str]]:
        """Return what a build backend, by the name of its module, is asked for with pip's --config-settings."""
        settings = {key: list(values) for key, values in self.recipe.config_settings.items()} if self.recipe else {}
        if backend == "mesonpy":
            files = [self.environment.host.toolchain.meson_file, self._meson_file()]
            cross = [f"--cross-file={file}" for file in files]
            system = [] if self.recipe else self._system_libraries()
            settings["setup-args"] = [*cross, *system, *settings.get("setup-args", [])]
            settings["compile-args"] = [f"-j{self.context.jobs}", *settings.get("compile-args", [])]
        return settings

    def _system_libraries(self) -> list[str]:
        """Return options of a Meson project by which it takes libraries instead of copies that it would download."""
        texts = [text_of(self.tree / name) for name in ("meson.options", "meson_options.txt")]
        asked = _SYSTEM_LIBRARY.findall("\n".join(texts))
        return [f"-Dsystem-{name}=true" for name in asked if {name, name.removeprefix("lib")} & {*self.libraries}]

    def _meson_file(self) -> Path:
        """Write a cross file for Meson that says what it does not look for by itself when it cross compiles."""
        file, python = self._folder() / "cross-python.meson.ini", self.environment.python
        programs: dict[str, list[str | Path]] = {
            "python": [python],
            "pkg-config": [self._programs() / "pkg-config"],
            "cmake": [self.environment.programs / "cmake"],
            "numpy-config": [self.environment.programs / "numpy-config"],
            # The program of that name would answer with the headers of the native Python.
            "pybind11-config": [python, "-m", "pybind11"],
        }
        lines = [f"{name} = {[str(word) for word in command]}\n" for name, command in programs.items()]
        file.write_text("".join(["[binaries]\n", *lines, _NO_TRIAL]), "utf-8")
        return file

    def _cmake_file(self, used: Sequence[Path]) -> Path:
        """Write a toolchain file for CMake."""
        host = self.environment.host
        include = host.root / PREFIX.lstrip("/") / "include" / f"python{host.short}"
        # Many ask for it and need nothing of it: python.wasm has it all.
        library = self._folder() / f"libpython{host.short}.a"
        library.write_bytes(_EMPTY_ARCHIVE)
        python = "".join(
            _CMAKE_PYTHON.format(name=name, executable=self.environment.python, include=include, library=library)
            for name in ("Python", "Python3", "PYTHON")
        )
        # Build tools bring CMake packages: find_package(pybind11), find_package(nanobind).
        installed = [*used, *self._python_folders()]
        return cmake_toolchain(host.toolchain, installed, self._folder(), more=_CMAKE_THREADS + python)

    def _folder(self) -> Path:
        folder = self.tree.parent / FOLDER
        folder.mkdir(exist_ok=True)
        return folder

    def _programs(self) -> Path:
        """Return a folder of programs that stand before all others."""
        folder = self._folder() / "bin"
        if not folder.is_dir():
            folder.mkdir()
            python = shlex.quote(str(self.environment.python))
            # A shared object that is linked with an archive needs what the archive needs. CPython's own file names a
            # prefix where it does not lie.
            pkg_config = f"{shlex.quote(shutil.which('pkg-config') or 'pkg-config')} --static --define-prefix"
            # Scripts of a package run in the Python that it is built for.
            for name, command in {"pkg-config": pkg_config, "python": python, "python3": python}.items():
                (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
                (folder / name).chmod(0o755)
        return folder
