"""The compiler drivers: rendered with tools that print their arguments, and run."""

from __future__ import annotations

import configparser
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pywasm_build.drivers import Tools, abi_object, write_build_system_files, write_drivers
from pywasm_build.workspace import Workspace

SETTINGS: Mapping[str, Any] = {
    "triple": "wasm32-wasip1",
    "resource_triple": "wasm32-unknown-wasip1",
    "compile": {
        "flags": ["-fwasm-exceptions", "-DQUOTED='a b'"],
        "cxx_flags": ["-fcxx"],
        "ignored": ["-pthread", "-flto=*"],
        "openmp": "-D_OPENMP=7",
    },
    "link": {
        "program_defaults": ["-Wl,-z,stack-size=9"],
        "flags": ["-lprogram"],
        "cxx_flags": ["-lcxx"],
        "shared_flags": ["-nostdlib", "-Wl,--no-entry"],
        "ignored": ["--start-group", "-(", "--hash-style=*", "--exclude-libs=*", "--odd[x]"],
        "ignored_with_value": ["--version-script"],
        "provided": ["-lc", "-lwasi-emulated-*", "*/libwasi-emulated-*.a"],
    },
}
AWKWARD = ["a b", "", "it's", '"quoted"', "$HOME", "`id`", "back\\slash", "*", '-DX="a b"', "new\nline", "é"]


class Drivers:
    """A rendered toolchain whose every tool prints its name and its arguments, one a line between < and >."""

    def __init__(self, root: Path, settings: Mapping[str, Any] = SETTINGS) -> None:
        self.root = root
        root.mkdir(parents=True)
        names = ("clang", "linker", "ar", "ranlib", "nm", "strip")
        for name in names:
            path = root / f"the {name}"
            path.write_text(f"#!/bin/sh\necho {name}\nfor a do printf '<%s>\\n' \"$a\"; done\n")
            path.chmod(0o755)
        tools = {name: [str(root / f"the {name}"), f"{name} word"] for name in names}
        write_drivers(root, Tools(**tools), settings)

    def run(self, name: str, *arguments: str) -> list[str]:
        program = self.root / "bin" / name
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True, cwd=self.root)
        return [line.removeprefix("<").removesuffix(">") for line in done.stdout.split("\n")[:-1]]

    def clang(self, *arguments: str, name: str = "wasm32-wasip1-clang") -> tuple[list[str], list[str]]:
        """Return what the driver puts in front of the arguments, and what behind them."""
        words = self.run(name, *arguments)
        start = words.index("--end-no-unused-arguments") + 1
        start += words[start:].index(arguments[0])
        assert words[start : start + len(arguments)] == list(arguments)
        return words[:start], words[start + len(arguments) :]

    @property
    def shared(self) -> list[str]:
        builtins = self.root / "resource" / "lib" / "wasm32-unknown-wasip1" / "libclang_rt.builtins.a"
        return ["-nostdlib", "-Wl,--no-entry", str(abi_object(self.root)), str(builtins)]


# A folder with a blank and a quote: the scripts must not care.
@pytest.fixture
def drivers(tmp_path: Path) -> Drivers:
    return Drivers(tmp_path / "it's a folder")


def test_a_compilation_gets_the_target_and_nothing_for_the_linker(drivers: Drivers) -> None:
    before, after = drivers.clang("-O2", "-c", "x.c", "-o", "x.o")
    root = drivers.root
    assert before == [
        *("clang", "clang word", "--start-no-unused-arguments", "--target=wasm32-wasip1"),
        *(f"--sysroot={root / 'sysroot'}", "-resource-dir", str(root / "resource"), "-B", str(root / "bin")),
        *("-fwasm-exceptions", "-DQUOTED='a b'", "--end-no-unused-arguments"),
    ]
    assert after == []


def test_cxx_has_its_mode_and_its_flags(drivers: Drivers) -> None:
    before, after = drivers.clang("x.cpp", name="wasm32-wasip1-clang++")
    assert before[2] == "--driver-mode=g++"
    assert "-fcxx" in before
    assert after == ["-lprogram", "-lcxx"]
    assert "-fcxx" not in drivers.clang("x.c")[0]


@pytest.mark.parametrize("arguments", [["x.c"], ["x.o", "-o", "x.wasm", "-lm"], ["-O2", "x.c", "-Wl,--gc-sections"]])
def test_a_program_is_linked_with_the_programs_libraries(drivers: Drivers, arguments: list[str]) -> None:
    assert drivers.clang(*arguments)[1] == ["-lprogram"]


def test_what_a_program_gets_unasked_stands_before_what_it_asks_for(drivers: Drivers) -> None:
    before, _ = drivers.clang("x.o", "-Wl,-z,stack-size=1")
    assert before[-1] == "-Wl,-z,stack-size=9"
    for arguments in (["-c", "x.c"], ["-shared", "x.o"]):
        assert drivers.clang(*arguments)[0][-1] == "--end-no-unused-arguments"


@pytest.mark.parametrize("arguments", [["-c", "x.c"], ["-shared", "x.o"], ["x.o", "-lm"]])
def test_the_compiler_loses_what_would_break_the_result(drivers: Drivers, arguments: list[str]) -> None:
    for flag in ("-pthread", "-flto=auto"):
        words = drivers.run("wasm32-wasip1-clang", flag, *arguments, flag, "-fltoo")
        assert flag not in words
        at = words.index(arguments[0])
        assert words[at : at + 3] == [*arguments, "-fltoo"]


@pytest.mark.parametrize("flag", ["-fopenmp", "-fopenmp=libgomp"])
def test_openmp_is_a_macro(drivers: Drivers, flag: str) -> None:
    before, behind = drivers.clang("x.c", "-c")
    assert "-D_OPENMP=7" not in [*before, *behind]
    words = drivers.run("wasm32-wasip1-clang", "-c", flag, "x.c", flag)
    assert words == [*before[:-1], "-D_OPENMP=7", "--end-no-unused-arguments", "-c", "x.c"]
    assert "-fopenmp-simd" in drivers.run("wasm32-wasip1-clang", "-c", "-fopenmp-simd", "x.c")


@pytest.mark.parametrize("flag", ["-shared", "-Wl,-shared"])
def test_a_side_module_is_linked_with_the_abi_and_the_builtins(drivers: Drivers, flag: str) -> None:
    assert drivers.clang(flag, "x.o", "-o", "x.so")[1] == drivers.shared


NO_LINK = ("-c", "-E", "-S", "-M", "-MM", "-fsyntax-only", "--version", "-dumpversion", "-dumpmachine")


@pytest.mark.parametrize("flag", [*NO_LINK, "-print-resource-dir", "--print-file-name=libc.a"])
def test_what_does_not_link_gets_no_libraries(drivers: Drivers, flag: str) -> None:
    assert drivers.clang(flag)[1] == []
    # distutils compiles with LDSHARED's flags now and then.
    assert drivers.clang("-shared", flag, "x.c")[1] == []
    assert drivers.clang(flag, "-shared", "x.c")[1] == []


@pytest.mark.parametrize("name", ["wasm32-wasip1-clang", "wasm32-wasip1-clang++"])
def test_awkward_arguments_arrive_as_they_were(drivers: Drivers, name: str) -> None:
    plain = [argument for argument in AWKWARD if "\n" not in argument]
    drivers.clang("-c", *plain, name=name)
    drivers.clang("-shared", *plain, name=name)
    for tool in ("ar", "ranlib", "nm", "strip"):
        assert drivers.run(f"wasm32-wasip1-{tool}", *plain) == [tool, f"{tool} word", *plain]
    assert drivers.run("wasm-ld", *plain) == ["linker", "linker word", *plain]


def test_a_line_break_in_an_argument_stays_in_it(drivers: Drivers) -> None:
    assert drivers.run("wasm-ld", "a\nb", "c") == ["linker", "linker word", "a", "b", "c"]


def test_the_linker_loses_what_only_gnu_ld_knows(drivers: Drivers) -> None:
    given = ["x.o", "--start-group", "-lc", "-(", "--hash-style=gnu", "--exclude-libs=ALL", "--odd[x]", "-o", "x.wasm"]
    assert drivers.run("wasm-ld", *given)[2:] == ["x.o", "-lc", "-o", "x.wasm"]


def test_the_linker_keeps_what_it_may_not_know(drivers: Drivers) -> None:
    # Patterns are literal but for the star, and match whole arguments.
    given = [
        "--version-script2",
        "--hash-style",
        "--start-group2",
        "--oddx",
        "a--start-group",
        "--unheard-of",
        "@objects.rsp",
        "*",
    ]
    assert drivers.run("wasm-ld", *given)[2:] == given
    assert drivers.run("wasm-ld")[2:] == []


def test_a_side_module_gets_no_copy_of_what_the_interpreter_has(drivers: Drivers) -> None:
    own = "a b/libown.a"
    given = ["x.o", "-lc", "-lcrypt", "-lwasi-emulated-signal", "/a b/libwasi-emulated-getpid.a", own, "-lm"]
    assert drivers.run("wasm-ld", "-shared", *given)[2:] == ["-shared", "x.o", "-lcrypt", own, "-lm"]
    assert drivers.run("wasm-ld", *given)[2:] == given


def test_response_files_are_handed_on(drivers: Drivers) -> None:
    (drivers.root / "x.rsp").write_text("-O2\nx.c\n-shared-something -combined\n")
    assert drivers.clang("@x.rsp", "-c")[1] == []
    assert drivers.clang("@x.rsp")[1] == ["-lprogram"]
    assert drivers.clang("@gone.rsp")[1] == ["-lprogram"]
    assert drivers.clang("-shared", "@x.rsp")[1] == drivers.shared


@pytest.mark.parametrize("text", ["-shared x.o", "x.o\n-shared\n", "x.o\t-shared"])
def test_a_response_file_says_what_is_made(drivers: Drivers, text: str) -> None:
    # Meson and Ninja write whole link commands into one.
    (drivers.root / "a file.rsp").write_text(text)
    assert drivers.clang("@a file.rsp")[1] == drivers.shared
    (drivers.root / "a file.rsp").write_text(f"{text} -c")
    assert drivers.clang("@a file.rsp")[1] == []


def test_the_linker_loses_the_value_of_such_an_option_too(drivers: Drivers) -> None:
    assert drivers.run("wasm-ld", "a.o", "--version-script", "x.map", "b.o")[2:] == ["a.o", "b.o"]
    assert drivers.run("wasm-ld", "a.o", "--version-script")[2:] == ["a.o"]


def test_many_arguments(drivers: Drivers) -> None:
    objects = [f"object-{number}.o" for number in range(3000)]
    assert drivers.run("wasm-ld", *objects)[2:] == objects


def test_the_real_settings_make_working_scripts(tmp_path: Path) -> None:
    path = Workspace.discover({}).root / "third-party" / "toolchain.toml"
    settings = tomllib.loads(path.read_text("utf-8"))
    drivers = Drivers(tmp_path / "toolchain", settings)
    ignored, provided = (
        [pattern.replace("*", "anything") for pattern in settings["link"][name]] for name in ("ignored", "provided")
    )
    assert drivers.run("wasm-ld", *ignored, *provided, "x.o", "--export=y")[2:] == [*provided, "x.o", "--export=y"]
    assert drivers.run("wasm-ld", *ignored, *provided, "x.o", "-shared")[2:] == ["x.o", "-shared"]
    assert drivers.clang("x.c")[1] == settings["link"]["flags"]
    shared = drivers.clang("-shared", "x.o")[1]
    assert shared[: len(settings["link"]["shared_flags"])] == settings["link"]["shared_flags"]


def test_cmake_and_meson_are_told_of_the_drivers(tmp_path: Path) -> None:
    here, drivers = tmp_path / "here", Path("/t/bin")
    here.mkdir()
    write_build_system_files(here, drivers=drivers, sysroot=Path("/t/sysroot"), triple="wasm32-wasip1")
    cmake = (here / "wasm32-wasip1.cmake").read_text()
    assert 'set(CMAKE_CXX_COMPILER "/t/bin/wasm32-wasip1-clang++")' in cmake
    assert 'set(CMAKE_FIND_ROOT_PATH "/t/sysroot")' in cmake
    assert str(here / "wasm32-wasip1.cmake") in cmake.splitlines()[0]
    before = {path: path.stat().st_mtime_ns for path in here.iterdir()}
    write_build_system_files(here, drivers=drivers, sysroot=Path("/t/sysroot"), triple="wasm32-wasip1")
    assert {path: path.stat().st_mtime_ns for path in here.iterdir()} == before
    meson = configparser.ConfigParser()
    meson.read(here / "wasm32-wasip1.meson.ini")
    assert dict(meson["binaries"]) == {
        name: f"'/t/bin/wasm32-wasip1-{tool}'"
        for name, tool in {"c": "clang", "cpp": "clang++"}.items() | {(t, t) for t in ("ar", "ranlib", "nm", "strip")}
    }
    assert meson["host_machine"]["cpu_family"] == "'wasm32'"
    assert meson["properties"]["needs_exe_wrapper"] == "true"
