"""Find the line of a build's log that tells why it failed.

A log ends with what pip and setuptools say of any failure ("Failed building wheel for x"), and begins with probes that
are meant to fail (a compiler that is asked for a header). Between them is the first error of the compiler, the linker,
or the build system: that line is looked for, by what these programs are known to print.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

MAX_LENGTH = 200
# The end of a log is enough: what is not there was not fatal.
_MAX_BYTES = 4 * 1024**2
_MAX_LINE = 4000
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# A compiler asked whether it can do something: autoconf, distutils, setuptools, Meson and CMake name such files so. The
# last is the folder for temporary files of a package's build.
_PROBE = re.compile(
    r"conftest|_configtest|testfile\.c|CMakeTmp|CMakeScratch|/tmp/|sanitycheck|meson-private|/wheel/\w+/home/"
)
# What compilers, linkers and build systems print: the first such line is the reason.
_ERRORS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^\S+?:\d+(:\d+)?: (fatal )?error: ",  # C, C++
        r"^\S*meson\.build(:\d+){1,2}: ERROR: ",
        r"^ERROR: .*(pkg-config|cmake|[Dd]ependency|[Cc]ompiler)",  # Meson without a place
        r"^\S+\.p(yx|xd|xi|y):\d+:\d+: ",  # Cython
        r"^configure: error: ",
        r"^CMake Error",
        r"^(\S*/)?(wasm-ld|ld\.lld|ld|lld|clang|clang\+\+|\S*-clang(\+\+)?): (fatal )?error: ",
        r"^(\S*/)?(ba|da)?sh: .*(not found|No such file)",
        r"^make(\[\d+\])?: \*\*\* No rule to make target",
    )
)
# A traceback ends with the exception, which may have a module in front.
_EXCEPTION = re.compile(r"^([A-Za-z_][\w.]*\.)?[A-Z]\w*(Error|Exception|NotFound|Missing|Exit|Warning): \S")
# What is said of every failure, and by whom.
_GENERAL = re.compile(
    r"subprocess-exited-with-error|metadata-generation-failed|Failed (building|to build)|[Ff]ailed to build installable"
    r"|command .* failed with exit"
    r"|CalledProcessError|exited with code|exit status|returned non-zero|BackendUnavailable: $"
)
_ANY_ERROR = re.compile(r"\b(fatal|error):|\bcannot\b|\b(not|un) ?(found|defined|supported)\b", re.IGNORECASE)
# From here on it is mostly pip who speaks.
_PIP = re.compile(r"error: subprocess-exited-with-error")
# Two lines that belong together: the second one says what.
_CONTINUED = re.compile(r"^CMake Error .*:$")
# How a runner begins what a command prints; earlier commands, of earlier runs perhaps, went well.
_COMMAND = "+ (cd "
# Paths of the build machine: of unpacked sources, and of CMake's own files, which report what others ask for.
_TREE = re.compile(r"(?<=[\s'\"(])/\S*?/tree/|^/\S*?/tree/|(?<=\s)/\S*?/Modules/(?=\w+\.cmake:)")


def telling_line(lines: Sequence[str]) -> str:
    """Return the line that says why a build failed, short enough for a table; "" where there is none.

    lines: the log's, in order. It is the first error of a compiler, linker or build system that was no probe; else the
    last exception; else the last line that speaks of an error; else the last line, before pip speaks if it does.
    """
    clean = [_clean(line) for line in lines]
    candidates = _candidates(clean)
    if error := _first_error(candidates):
        return error
    end = next((number for number, line in enumerate(clean) if _PIP.search(line)), None)
    # Up to where pip speaks; if it does not, all of it.
    before = clean[:end]
    for pattern, where in ((_EXCEPTION, candidates), (_ANY_ERROR, _candidates(before))):
        if found := [line for line in where if pattern.search(line)]:
            return _short(found[-1])
    return _short(next((line for line in reversed(before) if line), ""))


def telling_line_of(log: Path) -> str:
    """Return the telling line of the last command in a log; "" if there is no log, or nothing in it."""
    return telling_line(_last_lines(log))


def first_error_of(log: Path) -> str:
    """Return the first error of a compiler, linker or build system in the last command of a log; "" if there is none.

    For a command that went well: many a build does without its compiled part where that fails.
    """
    return _first_error(_candidates([_clean(line) for line in _last_lines(log)]))


def _candidates(clean: Sequence[str]) -> list[str]:
    return [line for line in clean if line and not _GENERAL.search(line) and not _PROBE.search(line)]


def _first_error(candidates: Sequence[str]) -> str:
    for number, line in enumerate(candidates):
        if any(pattern.search(line) for pattern in _ERRORS):
            more = candidates[number + 1 : number + 2] if _CONTINUED.search(line) else []
            return _short(" ".join([line, *more]))
    return ""


def _last_lines(log: Path) -> list[str]:
    """Return what the last command in a log printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _MAX_BYTES, 0))
            lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    commands = [number for number, line in enumerate(lines) if line.startswith(_COMMAND)]
    return lines[commands[-1] + 1 :] if commands else lines


def shown(line: str) -> str:
    """Return a line that any program may have written, safe and short enough for a table."""
    return _short(_clean(line))


def _clean(line: str) -> str:
    """Drop colours, control characters, indentation, and what a terminal overwrote."""
    visible = _COLOURS.sub("", line[:_MAX_LINE]).rpartition("\r")[2]
    return "".join(letter for letter in visible if letter.isprintable()).strip()


def _short(line: str) -> str:
    text = _TREE.sub("", line)
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 4]} ..."
