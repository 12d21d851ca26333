"""ctypes: calls and callbacks of every kind, and what must become a Python exception instead of the guest's end."""

import json
import tarfile
from pathlib import Path

import pytest

from tests.integration.chain import SOURCES, Chain, Ended, printed

LIBRARY = """
import ctypes
from ctypes import *
lib = CDLL("/modules/library.so", use_errno=True)
class One(Structure):
    _fields_ = [("value", c_double)]
class Point(Structure):
    _fields_ = [("x", c_int), ("y", c_int)]
class Line(Structure):
    _fields_ = [("start", Point), ("end", Point)]
class Mixed(Structure):
    _fields_ = [("tag", c_char), ("values", c_double * 3), ("deep", One), ("quad", c_longdouble)]
class Shorts(Structure):
    _fields_ = [("values", c_short * 2)]
class Large(Structure):
    _fields_ = [("values", c_int64 * 1000)]
def function(name, restype, *argtypes):
    found = lib[name]
    found.restype, found.argtypes = restype, argtypes
    return found
def said(call, *arguments):
    try:
        return call(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
"""


@pytest.fixture(scope="module")
def modules(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ctypes")
    chain.compile("-O2", "-Wall", "-fPIC", "-shared", SOURCES / "ffi_library.c", "-o", "library.so", cwd=folder)
    return folder


def run(chain: Chain, modules: Path, code: str) -> Ended:
    return chain.python_in(modules, LIBRARY + code)


def lines(chain: Chain, modules: Path, code: str) -> list[str]:
    return printed(run(chain, modules, code)).splitlines()


def test_the_backend_follows_the_compilers_abi(chain: Chain, tmp_path: Path) -> None:
    native = chain.root / "pywasm_host" / "native"
    parts = [native / f"ffi_{part}.c" for part in ("types", "signature", "prepare", "call", "closure")]
    exports = [f"-Wl,--export={name}" for name in ("__stack_pointer", "aligned_alloc", "free")]
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-I", str(native), "-lc-printscan-long-double"]
    table = ["-Wl,--export-table", "-Wl,--growable-table", "-Wl,-z,stack-size=1048576"]
    chain.compile(*flags, *table, *exports, SOURCES / "ffi_abi.c", *parts, "-o", "abi.wasm", cwd=tmp_path)
    assert printed(chain.run_program("abi.wasm", cwd=tmp_path)).endswith(" checks, 0 failures")
    ended = chain.run_program("abi.wasm", "a wild pointer", cwd=tmp_path)
    assert ended.returncode == 134
    assert "ffi_call: 0x" in ended.stderr
    assert "is not the address of a function" in ended.stderr


def test_scalars(chain: Chain, modules: Path) -> None:
    code = """
kinds = {"i8": c_int8, "u8": c_uint8, "i16": c_int16, "u16": c_uint16, "i32": c_int32, "u32": c_uint32,
         "i64": c_int64, "u64": c_uint64, "f32": c_float, "f64": c_double, "quad": c_longdouble, "bool": c_bool}
for name, kind in kinds.items():
    echo = function("echo_" + name, kind, kind)
    values = (0, 1, 0.5, -1.5) if name[0] in "fq" else (0, 1, 2**(8 * sizeof(kind)) - 1, -(2**(8 * sizeof(kind) - 1)))
    assert [echo(value) for value in values] == [kind(value).value for value in values], name
print(function("echo_char", c_char, c_char)(b"x"), function("echo_wchar", c_wchar, c_wchar)("\\N{SNOWMAN}"))
print(function("echo_pointer", c_void_p, c_void_p)(0xFFFFFFF0), function("echo_pointer", c_void_p, c_void_p)(None))
print(sizeof(c_longdouble), sizeof(c_void_p), sizeof(c_long), sizeof(c_wchar), sizeof(c_size_t))
"""
    assert lines(chain, modules, code) == ["b'x' \N{SNOWMAN}", "4294967280 None", "16 4 4 4 4"]


def test_structures_by_value(chain: Chain, modules: Path) -> None:
    code = """
print(function("echo_one", One, One)(One(0.5)).value)
line = function("turned", Line, Line)(Line(Point(1, 2), Point(3, 4)))
print(line.start.x, line.start.y, line.end.x, line.end.y)
mixed = function("echo_mixed", Mixed, Mixed)(Mixed(b"m", (c_double * 3)(1, 2, 3), One(4), 5))
print(mixed.tag, list(mixed.values), mixed.deep.value, mixed.quad)
print(list(function("echo_shorts", Shorts, Shorts)(Shorts((1, -2))).values))
given = Large((c_int64 * 1000)(*range(1000)))
print(bytes(function("echo_large", Large, Large)(given)) == bytes(given))
print(function("moved", Point, Point, One)(Point(40, 1), One(2)).x)
"""
    assert lines(chain, modules, code) == ["0.5", "3 4 1 2", "b'm' [1.0, 2.0, 3.0] 4.0 5.0", "[1, -2]", "True", "42"]


def test_data_and_errno(chain: Chain, modules: Path) -> None:
    code = """
counter = c_int.in_dll(lib, "counter")
lib.count(3)
counter.value += 1
print(counter.value, c_char_p.in_dll(lib, "name").value, Point.in_dll(lib, "origin").y)
print(said(c_int.in_dll, lib, "nowhere"))
print(lib.fail_with(44), get_errno(), set_errno(5), lib.last_error())
print(bool(pythonapi.Py_IsInitialized()), c_int.in_dll(pythonapi, "Py_OptimizeFlag").value)
"""
    assert lines(chain, modules, code) == [
        "11 b'a library' 4",
        "ValueError: /modules/library.so: undefined symbol: nowhere",
        "-1 44 44 5",
        "True 0",
    ]


def test_libc_and_the_memory_functions(chain: Chain, modules: Path) -> None:
    code = """
from ctypes.util import find_library
libc, buffer = CDLL(find_library("c")), create_string_buffer(40)
print(find_library("c"), find_library("m"), find_library("nowhere"))
libc.sqrt.restype, libc.sqrt.argtypes = c_double, [c_double]
print(libc.abs(-3), libc.strlen(b"four"), libc.sqrt(2.25), libc.toupper(ord("a")))
text = create_unicode_buffer("wide")
memmove(buffer, b"moved", 6)
print(string_at(buffer), wstring_at(text, 2), string_at(memset(buffer, ord("z"), 3), 5), byref(text) is not None)
numbers = (c_int * 6)(5, 3, 1, 6, 2, 4)
compare = CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))(lambda one, other: one[0] - other[0])
libc.qsort(numbers, 6, sizeof(c_int), compare)
libc.bsearch.restype = POINTER(c_int)
print(list(numbers), libc.bsearch(byref(c_int(4)), numbers, 6, 4, compare)[0])
pythonapi.PyList_Append.argtypes = [py_object, py_object]
items = []
pythonapi.PyList_Append(items, "item")
print(items, said(pythonapi.PyNumber_Add, py_object(1), py_object("")))
pythonapi.PyNumber_Add.restype = py_object
print(said(pythonapi.PyNumber_Add, py_object(1), py_object("")))
"""
    found = lines(chain, modules, code)
    assert found[:5] == [
        "None None None",
        "3 4 1.5 65",
        "b'moved' wi b'zzzed' True",
        "[1, 2, 3, 4, 5, 6] 4",
        "['item'] TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    ]
    assert found[5] == "TypeError: unsupported operand type(s) for +: 'int' and 'str'"


def test_find_library_looks_where_the_linker_does(chain: Chain, modules: Path) -> None:
    (modules / "libfound.so").write_bytes((modules / "library.so").read_bytes())
    code = """
from ctypes import CDLL
from ctypes.util import find_library
print(find_library("found"), CDLL(find_library("found")).half is not None, CDLL("libfound.so").half is not None)
"""
    environment = ("--env", "LD_LIBRARY_PATH=/nowhere:relative:/modules")
    ended = chain.python("--dir", f"{modules}:/modules:ro", *environment, "-c", code)
    assert printed(ended) == "/modules/libfound.so True True"


def test_variadic_functions(chain: Chain, modules: Path) -> None:
    code = """
libc, buffer = CDLL(None), create_string_buffer(80)
print(libc.snprintf(buffer, 80, b"%d %s %.2f %lld", 1, b"two", c_double(3), c_int64(2**40)), buffer.value)
print(libc.sprintf(buffer, b"nothing"), buffer.value)
libc.snprintf.argtypes = [c_char_p, c_size_t, c_char_p]
print(libc.snprintf(buffer, 80, b"%c%hd %Lg", c_char(b"x"), c_short(-1), c_longdouble(0.5)), buffer.value)
libc.snprintf(buffer, 80, b"%g %s", c_float(1.5), b"after a float")
print(buffer.value)
lib.sum.argtypes = [c_int]
print(lib.sum(3, 20, 20, 2), lib.sum(200, *[1] * 200))
lib.sum_of_kinds.argtypes, lib.sum_of_kinds.restype = [c_char_p], c_longdouble
print(lib.sum_of_kinds(b"iqlpdq", 1, c_longdouble(2), c_int64(3), Point(4, 9), c_double(5), c_longdouble(6)))
pythonapi.Py_BuildValue.restype = py_object
print(pythonapi.Py_BuildValue(b"is(d)", 1, b"two", c_double(3)))
"""
    assert lines(chain, modules, code) == [
        "24 b'1 two 3.00 1099511627776'",
        "7 b'nothing'",
        "7 b'x-1 0.5'",
        "b'1.5 after a float'",
        "42 200",
        "21.0",
        "(1, 'two', (3.0,))",
    ]


def test_callbacks(chain: Chain, modules: Path) -> None:
    code = """
Function = CFUNCTYPE(c_int, c_int)
class Job(Structure):
    _fields_ = [("function", Function), ("value", c_int)]
twice = Function(lambda value: 2 * value)
print(lib.apply(twice, 21), lib.apply_twice(twice, 10), lib.run(byref(Job(twice, 4))))
print(lib.apply(Function(lambda value: lib.apply_twice(twice, value) + 1), 10))
doubler = function("doubler", Function)()
print(doubler(21), lib.apply(doubler, 4), Function(("half", lib)).__class__ is Function)
All = CFUNCTYPE(c_double, c_int8, c_uint16, c_int64, c_float, c_double, c_longdouble, POINTER(c_int), POINTER(Point))
def total(*given):
    print(*given[:6], given[6][0], given[7].contents.y)
    return 2.5
lib.call_all_kinds.restype = c_double
print(lib.call_all_kinds(All(total)))
narrow, wide, truth, single = (function(name, *kinds) for name, *kinds in (
    ("narrow", c_int8, CFUNCTYPE(c_int8, c_uint8)), ("wide", c_int64, CFUNCTYPE(c_int64, c_int64)),
    ("truth", c_bool, CFUNCTYPE(c_bool, c_bool)), ("single", c_float, CFUNCTYPE(c_float, c_float))))
print(narrow(narrow.argtypes[0](lambda value: value - 256)), wide(wide.argtypes[0](lambda value: -value)))
print(truth(truth.argtypes[0](lambda value: not value)), single(single.argtypes[0](lambda value: value / 2)))
By = CFUNCTYPE(c_int, Point, One)
print(function("by_value", Point, By)(By(lambda point, one: int(point.x + point.y + one.value))).x)
"""
    assert lines(chain, modules, code) == [
        "42 40 8",
        "41",
        "42 8 True",
        "-1 65535 -9223372036854775808 1.5 0.25 0.125 7 2",
        "2.5",
        "-1 -9223372036854775807",
        "False 0.25",
        "42",
    ]


def test_callbacks_that_raise(chain: Chain, modules: Path) -> None:
    code = """
import sys
sys.unraisablehook = lambda info: print(type(info.exc_value).__name__)
Function = CFUNCTYPE(c_int, c_int)
@Function
def fail(value):
    raise KeyError("in a callback")
print(lib.apply(fail, 1), lib.apply(Function(lambda value: "no number"), 1))
"""
    assert lines(chain, modules, code) == ["KeyError", "TypeError", "0 0"]


def test_callbacks_without_end(chain: Chain, modules: Path) -> None:
    code = """
@CFUNCTYPE(c_int, c_int)
def deeper(value):
    return lib.apply(deeper, value + 1)
print(lib.apply(deeper, 1))
"""
    ended = run(chain, modules, code)
    assert (ended.returncode, ended.stdout) == (0, "0\n")
    assert "RecursionError: maximum recursion depth exceeded" in ended.stderr


def test_many_callbacks_come_and_go(chain: Chain, modules: Path) -> None:
    code = """
import gc
Function = CFUNCTYPE(c_int, c_int)
for round in range(3):
    callbacks = [Function(lambda value, number=number: value + number) for number in range(2000)]
    assert [lib.apply(callback, 1) for callback in callbacks] == list(range(1, 2001))
    addresses = {cast(callback, c_void_p).value for callback in callbacks}
    assert len(addresses) == 2000
del callbacks
gc.collect()
freed = Function(addresses.pop())
print(said(freed, 1).replace(hex(cast(freed, c_void_p).value), "ADDRESS"))
"""
    assert lines(chain, modules, code) == ["ValueError: there is no function at ADDRESS: was its callback freed?"]


def test_a_result_that_is_not_there_and_one_that_is_not_wanted(chain: Chain, modules: Path) -> None:
    code = """
for _ in range(3):
    print(lib.count(1), function("echo_i32", None, c_int)(5), function("of_nothing", None)())
print(CDLL(None).free(None), function("echo_u64", None, c_uint64)(5), function("of_nothing", c_double)())
"""
    assert lines(chain, modules, code) == [*["0 None None"] * 3, "0 None 2.5"]


BAD_CALLS = {
    "lib.half(1)": "the function has the type (f64) -> i32, but is called as (i32) -> i32",
    "lib.half()": "the function has the type (f64) -> i32, but is called as () -> i32",
    "lib.count(1, 2)": "the function has the type (i32) -> nothing, but is called as (i32, i32) -> i32",
    "lib.of_nothing()": "the function has the type () -> f64, but is called as () -> i32",
    "lib.echo_large(1)": "the function has the type (i32, i32) -> nothing, but is called as (i32) -> i32",
    "CFUNCTYPE(None)(0)()": "the function pointer is NULL",
    "CFUNCTYPE(c_int)(0xFFFFFFFF)()": "0xffffffff is not the address of a function",
    "CFUNCTYPE(c_int, c_int)(id(lib))(1)": "is not the address of a function",
    "lib.apply(*range(1000))": "i32, ... (1000 in all)) -> i32",
}


@pytest.mark.parametrize("call", BAD_CALLS)
def test_calls_that_cannot_be_made(chain: Chain, modules: Path, call: str) -> None:
    (said,) = lines(chain, modules, f"print(said(lambda: {call}), lib.half(c_double(8)))")
    assert said.startswith("ValueError: ")
    assert said.endswith(f"{BAD_CALLS[call]} 4")


def test_limits(chain: Chain, modules: Path) -> None:
    code = """
Huge = type("Huge", (Structure,), {"_fields_": [("bytes", c_char * (64 << 20))]})
print(function("echo_i8", c_bool, Huge)(Huge()))
print(said(lib.count, *range(1001)), said(lib.count, *range(1025)))
Many = CFUNCTYPE(c_int, *[c_int] * 1000)
print(Many(lambda *numbers: sum(numbers))(*range(1000)), said(CFUNCTYPE(c_int, *[c_int] * 1001), len))
"""
    assert lines(chain, modules, code) == [
        "True",
        "RuntimeError: ffi_prep_cif failed ArgumentError: too many arguments (1025), maximum is 1024",
        "499500 RuntimeError: ffi_prep_cif failed with 1",
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("CDLL(None).qsort((c_int * 9)(), 9, 4, CFUNCTYPE(c_int)(lambda: 0))", "indirect call type mismatch"),
        ("callback = CFUNCTYPE(None)(int); lib.keep(callback); del callback; lib.call_kept()", "uninitialized element"),
        ("lib.apply(c_void_p(0x7FFFFFFF), 1)", "undefined element: out of bounds table access"),
        ("string_at(0xFFFFFFF0, 100)", "out of bounds memory access"),
        ("CFUNCTYPE(type('S', (Structure,), {'_fields_': [('a', c_char * (1 << 30))]}))(1)()", "call stack exhausted"),
    ],
)
def test_c_code_that_calls_or_reads_what_is_not_there_ends_the_guest(
    chain: Chain, modules: Path, code: str, reason: str
) -> None:
    ended = run(chain, modules, code)
    assert ended.returncode == 134
    assert f"python-wasm: the guest trapped: {reason}" in ended.stderr
    assert 'File "<string>"' in ended.stderr


def test_files_that_are_no_libraries(chain: Chain, modules: Path) -> None:
    chain.compile("-c", SOURCES / "ffi_library.c", "-o", "object.so", cwd=modules)
    library = (modules / "library.so").read_bytes()
    for name, content in {
        "text.so": b"#!/bin/sh\n",
        "elf.so": b"\x7fELF\2\1\1" + bytes(200),
        "empty.so": b"",
        "cut.so": library[:200],
        "other.so": library.replace(b"pywasm.abi", b"pywasm.abj"),
    }.items():
        (modules / name).write_bytes(content)
    code = """
for name in ("missing", "text", "elf", "empty", "cut", "other", "object"):
    print(said(CDLL, f"/modules/{name}.so"))
print(said(CDLL, "libc.so.6"), said(CDLL, "/modules"), said(CDLL, ""), sep="\\n")
print(said(getattr, lib, "nowhere"))
"""
    found = lines(chain, modules, code)
    assert len(found) == 11
    assert all(line.startswith("OSError: ") for line in found[:10]), found
    assert "missing.so: cannot open shared object file: No such file" in found[0]
    assert "not a wasm module" in found[1]
    assert "ABI" in found[5]
    assert found[10] == "AttributeError: /modules/library.so: undefined symbol: nowhere"


EXPECTED_FAILURES = {
    "test_callback_too_many_args": "1024 parameters, and wasm has at most 1000",
    "test_first": "calls a function with more arguments than it has",
    "test_from_param_result_refcount": "calls a function with more arguments than it has",
    "test_issue18060_a": "passes a structure of two doubles for two parameters",
    "test_issue18060_b": "passes a structure of two doubles for two parameters",
    "test_issue18060_c": "passes a structure of two doubles for two parameters",
    "test_packed_c_limits": "needs _testcapi, which is not built",
}
SUITE = """
import json, sys, unittest
sys.path.insert(0, "/suite")
tests = unittest.defaultTestLoader.discover("/suite/test/test_ctypes", top_level_dir="/suite")
result = unittest.TextTestRunner(stream=sys.stderr).run(tests)
failed = [test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)]
print()
print(json.dumps([result.testsRun, failed]))
"""


def test_cpythons_own_suite(chain: Chain, tmp_path: Path) -> None:
    wanted = ("Modules/_ctypes/_ctypes_test.", "Lib/test/test_ctypes/", "Lib/test/support/", "Lib/test/__init__.py")
    with tarfile.open(chain.context.sources.fetch("cpython")) as archive:
        for member in archive:
            path = Path(*Path(member.name).parts[1:])
            if member.isfile() and str(path).startswith(wanted):
                target = tmp_path / path.relative_to(path.parts[0])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
    flags = ["-O2", "-fPIC", "-shared", "-I", str(chain.include), "-I", str(chain.root / "pywasm_host" / "native")]
    chain.compile(*flags, "_ctypes/_ctypes_test.c", "-o", "_ctypes_test.so", cwd=tmp_path)
    ended = chain.python("--dir", f"{tmp_path}:/suite:ro", "-c", SUITE)
    assert ended.returncode == 0, ended.stderr
    count, failed = json.loads(ended.stdout.splitlines()[-1])
    assert count > 500
    assert sorted(failed) == sorted(EXPECTED_FAILURES), ended.stderr
