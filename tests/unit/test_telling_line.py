"""Logs of builds that failed, as the tools write them, and the one line that tells why."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from pywasm_build.command import SubprocessRunner
from pywasm_build.telling_line import MAX_LENGTH, first_error_of, telling_line, telling_line_of

PIP_END = """\
  error: subprocess-exited-with-error
  | Building wheel for pack (pyproject.toml) did not run successfully.
  note: This error originates from a subprocess, and is likely not a problem with pip.
  error: metadata-generation-failed
  hint: the command was not found to be the reason
  ERROR: Failed building wheel for pack
Failed to build pack
ERROR: Failed to build one or more wheels
"""
SETUPTOOLS = """\
  building 'pack._speed' extension
  src/speed.c:3:10: fatal error: 'sys/epoll.h' file not found
      3 | #include <sys/epoll.h>
  1 error generated.
  error: command '/x/wasm32-wasip1-clang' failed with exit code 1
"""
PROBES = """\
  _configtest.c:1:10: fatal error: 'sys/poll.h' file not found
  conftest.c:4:1: error: unknown type name 'nope'
  /tmp/tmp3x/flagcheck.cpp:1:1: error: unknown argument
  /cache/store/wheel/0a1b2c3d/home/lzo_version_x.c:1:10: fatal error: 'lzo/lzo1x.h' file not found
"""
LINKER = """\
  wasm-ld: error: build/temp/a.o: undefined symbol: fork
  clang: error: linker command failed with exit code 1 (use -v to see invocation)
"""
TRACEBACK = """\
  Traceback (most recent call last):
    File "setup.py", line 3, in <module>
      import nothing
  ModuleNotFoundError: No module named 'nothing'
"""


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (SETUPTOOLS, "src/speed.c:3:10: fatal error: 'sys/epoll.h' file not found"),
        (PROBES + SETUPTOOLS, "src/speed.c:3:10: fatal error: 'sys/epoll.h' file not found"),
        (LINKER, "wasm-ld: error: build/temp/a.o: undefined symbol: fork"),
        (TRACEBACK, "ModuleNotFoundError: No module named 'nothing'"),
        (
            '../meson.build:41:0: ERROR: Dependency "openblas" not found, tried pkgconfig\n',
            '../meson.build:41:0: ERROR: Dependency "openblas" not found, tried pkgconfig',
        ),
        (
            "CMake Error at CMakeLists.txt:9 (find_package):\n\n  Could not find a package Qt6\n\nmore\n",
            "CMake Error at CMakeLists.txt:9 (find_package): Could not find a package Qt6",
        ),
        ("checking for x... no\nconfigure: error: no acceptable x\n", "configure: error: no acceptable x"),
        (
            "pack/core.pyx:7:4: undeclared name not builtin: lng\n",
            "pack/core.pyx:7:4: undeclared name not builtin: lng",
        ),
        ("/bin/sh: 1: cargo: not found\n", "/bin/sh: 1: cargo: not found"),
        (
            "/cache/store/wheel/0a1b/tree/src/x.cc:1:1: error: no member named 'y'\n",
            "src/x.cc:1:1: error: no member named 'y'",
        ),
        ("running egg_info\n  platform wasi is not supported\n", "platform wasi is not supported"),
        ("running egg_info\n  not today\n\n", "not today"),
        ("warning: unused error: handler\nerror: can't find Rust compiler\n", "error: can't find Rust compiler"),
    ],
)
def test_the_line_that_tells(log: str, told: str) -> None:
    assert telling_line((log + PIP_END).splitlines()) == told


def test_a_reason_comes_before_what_follows_from_it() -> None:
    assert telling_line((SETUPTOOLS + LINKER + TRACEBACK).splitlines()).startswith("src/speed.c:3:10")


def test_of_several_exceptions_the_last_one_counts() -> None:
    chain = TRACEBACK + "  During handling of the above exception:\n  pack.errors.BuildFailed: x\n  OSError: no disk\n"
    assert telling_line(chain.splitlines()) == "OSError: no disk"


@pytest.mark.parametrize(("log", "told"), [("", ""), ("\n \n", ""), ("one\nthe end\n\n", "the end")])
def test_without_an_error_it_is_the_last_line(log: str, told: str) -> None:
    assert telling_line(log.splitlines()) == told


def test_it_cannot_drive_the_terminal_and_is_short() -> None:
    told = telling_line(["\x1b[31mold\rx.c:1:1: error: \x07\x1b]0;title\x07" + "x" * 1000])
    assert told.isprintable()
    assert told.startswith("x.c:1:1: error: ")
    assert len(told) == MAX_LENGTH


@pytest.mark.parametrize("line", ["A" * 10**6, "a." * 10**6, "/tree" * 10**5, ":1" * 10**6, "error: " * 10**5])
def test_a_line_without_end_takes_no_time(line: str) -> None:
    assert len(telling_line([line] * 20)) <= MAX_LENGTH


def test_a_log_file(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert telling_line_of(log) == ""
    log.write_bytes(b"\xff\xfe\nx.c:1:1: error: \xff\n")
    assert telling_line_of(log) == "x.c:1:1: error: \ufffd"


def test_only_the_last_command_of_a_log_counts(tmp_path: Path) -> None:
    runner, log = SubprocessRunner(os.environ, stream=io.StringIO()), tmp_path / "x.log"
    for text in ("old.c:1:1: error: old", "new.c:1:1: error: new"):
        runner.run(["echo", text], cwd=tmp_path, log=log)
    assert telling_line_of(log) == "new.c:1:1: error: new"


def test_a_file_of_cmake_itself_is_named_without_its_folder() -> None:
    place = "/home/me/.cache/tools/share/cmake-4.4/Modules/FindPackageHandleStandardArgs.cmake:290"
    lines = [f"CMake Error at {place} (message):", "  Could NOT find Threads"]
    assert telling_line(lines) == (
        "CMake Error at FindPackageHandleStandardArgs.cmake:290 (message): Could NOT find Threads"
    )


def test_the_first_error_of_a_command_that_went_well(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert first_error_of(log) == ""
    log.write_text(f"+ (cd /x && a)\nold.c:1:1: error: gone\n+ (cd /x && b)\n{PROBES}{TRACEBACK}all is well\n")
    assert first_error_of(log) == ""
    log.write_text(f"+ (cd /x && b)\n{PROBES}{SETUPTOOLS}all is well\n")
    assert first_error_of(log) == "src/speed.c:3:10: fatal error: 'sys/epoll.h' file not found"
