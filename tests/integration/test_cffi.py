"""cffi in API mode: a package whose extension module cffi writes in C, from its sdist into the sandbox."""

import json
from pathlib import Path

import pytest

from tests.integration.chain import SOURCES, Checkout, printed
from tests.integration.shelf import make_shelf, write_sdist

FOLDER = SOURCES / "cffi_api"
"""The C code, and what cffi is told of it."""
BUILD = """
from pathlib import Path
from cffi import FFI

ffi = FFI()
ffi.cdef(Path("points.cdef").read_text())
ffi.set_source("points._points", Path("points.c").read_text())
"""
PYPROJECT = """
[build-system]
requires = ["setuptools", "cffi"]
build-backend = "setuptools.build_meta"

[project]
name = "cffi-points"
version = "1.0"
dependencies = ["cffi"]
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "setup.py": "from setuptools import setup\nsetup(packages=['points'], cffi_modules=['build_points.py:ffi'])\n",
    "build_points.py": BUILD,
    "points/__init__.py": "from points._points import ffi, lib\n",
    **{name: (FOLDER / name).read_text("utf-8") for name in ("points.cdef", "points.c")},
}
USE = r"""
import json
import sys
import sysconfig

import points
from points import ffi, lib

said = {}


def error_of(function, *arguments):
    try:
        return f"no error but {function(*arguments)!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def made(x, y, kind=lib.NEAR):
    return {"x": x, "y": y, "kind": kind}


said["constants"] = [lib.MOST_POINTS, lib.NEAR, lib.FAR, ffi.string(lib.title).decode()]
said["layout"] = [ffi.sizeof("point"), ffi.offsetof("point", "x"), ffi.offsetof("point", "kind"), ffi.sizeof("size_t")]

middle = lib.middle(ffi.new("point *", made(1, 2))[0], made(2, 5))
said["struct"] = [middle.x, middle.y, middle.kind, lib.calls]
lib.calls = -3
lib.middle(middle, middle)
said["variable"] = lib.calls

three = ffi.new("point[]", [made(3, 4), made(6, 8, lib.FAR), made(0, 0)])
said["C function"] = lib.total(three, 3, ffi.addressof(lib, "length"))
said["callback"] = lib.total(three, 3, ffi.callback("double(*)(const point *)", lambda p: p.x + p.kind))


@ffi.def_extern()
def weigh(point):
    return 100 * point.x + point.y


said["extern Python"] = [lib.total_by_python(three, 3), lib.total(three, 2, lib.weigh)]
seen = []


@ffi.def_extern(error=-1, onerror=lambda kind, error, traceback: seen.append(repr(error)))
def visit(about, number, wide, narrow):
    ffi.from_handle(about).append([number, wide, narrow])
    if number == 2:
        raise LookupError(number)
    return wide + number


visited = []
handle = ffi.new_handle(visited)
said["extern Python that fails"] = [lib.visits(handle, 4), visited, seen]

out = ffi.new("char[80]")
length = lib.told(
    out,
    80,
    b"%d %lld %.3f %s %c %x",
    *(ffi.cast("int", -5), ffi.cast("long long", 2**40), ffi.cast("double", 0.125)),
    *(ffi.new("char[]", b"text"), ffi.cast("int", 65), ffi.cast("unsigned int", 2**32 - 1)),
)
said["variadic"] = [length, ffi.string(out).decode()]
said["variadic without"] = [lib.told(out, 3, b"abc"), ffi.string(out).decode()]
said["variadic with an int"] = error_of(lib.told, out, 80, b"%d", 1)

said["product"] = lib.product(-(2**40), -3)
said["errors"] = [
    error_of(lib.product, 2**63, 1),
    error_of(lib.product, 1, 40000),
    error_of(lib.length, "text"),
    error_of(lib.product, 1),
    error_of(setattr, lib, "title", b"x"),
]
lib.refuse(41)
said["errno"] = ffi.errno
freed = []
kept = ffi.gc(ffi.new("int *", 17), lambda _: freed.append("freed"))
lib.keep(kept)
said["kept"] = ffi.cast("int *", lib.keep(ffi.NULL))[0]
del kept
said["freed"] = freed
file = points._points.__file__
said["file"] = [file.startswith(sysconfig.get_path("platlib")), file.rpartition("/")[2]]
json.dump(said, sys.stdout)
"""
SAID = {
    "constants": [2**20, 0, 10, "points"],
    # As this compiler lays it out: five hidden bytes, a double, two bytes, an enum, a double.
    "layout": [32, 8, 20, 4],
    "struct": [1.5, 3.5, -1, 8],
    "variable": -2,
    "C function": 15.0,
    "callback": 19.0,
    "extern Python": [912.0, 912.0],
    "extern Python that fails": [
        3 * 2**40 + 3,
        [[number, 2**40, 0.5] for number in range(4)],
        ["LookupError(2)"],
    ],
    "variadic": [38, "-5 1099511627776 0.125 text A ffffffff"],
    "variadic without": [3, "ab"],
    "variadic with an int": "TypeError: argument 4 passed in the variadic part needs to be a cdata object (got int)",
    "product": 3 * 2**40,
    "errors": [
        "OverflowError: int too big to convert",
        "OverflowError: integer 40000 does not fit '16-bit int'",
        "TypeError: initializer for ctype 'point *' must be a list or tuple, not str",
        "TypeError: product expected 2 arguments, got 1",
        "AttributeError: cannot write to function or constant 'title'",
    ],
    "errno": 41,
    "kept": 17,
    "freed": ["freed"],
    "file": [True, "_points.abi3.so"],
}


def test_api_mode(scratch: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scratch.inv("libs.install", "--name", "cffi")
    assert first.returncode == 0, first.stderr
    shelf = make_shelf(tmp_path / "shelf", monkeypatch)
    write_sdist(shelf, "cffi-points", FILES, requires=("cffi",))
    ended = scratch.inv("libs.install", "--name", "cffi-points")
    assert ended.returncode == 0, ended.stderr
    said = json.loads(printed(scratch.python("-c", USE)))
    assert said == SAID
