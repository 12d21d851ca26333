"""ABI mode: functions and data of python.wasm, which cffi calls through the interpreter's libffi."""

import _cffi_backend
import cffi
import pytest


@pytest.fixture(scope="module")
def ffi():
    ffi = cffi.FFI()
    ffi.cdef(
        """
        typedef struct { int quot; int rem; } div_t;
        typedef struct { double x, y; char name[8]; } point;
        size_t strlen(const char *text);
        double pow(double base, double exponent);
        long long llabs(long long number);
        div_t div(int number, int denominator);
        int snprintf(char *out, size_t size, const char *format, ...);
        void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
        """
    )
    return ffi


@pytest.fixture(scope="module")
def library(ffi):
    return ffi.dlopen(None)


def test_compiled_core_is_in_use(ffi):
    assert _cffi_backend.__file__.endswith(".so")
    assert ffi._backend is _cffi_backend
    assert cffi.__version__ == _cffi_backend.__version__


def test_calls(ffi, library):
    assert library.strlen(b"four") == 4
    assert library.pow(2.0, 0.5) == 2**0.5
    assert library.llabs(-(2**40)) == 2**40
    found = library.div(17, 5)
    assert (found.quot, found.rem) == (3, 2)


def test_variadic_call(ffi, library):
    out = ffi.new("char[32]")
    size = library.snprintf(
        out, 32, b"%d %.2f %s", ffi.cast("int", -7), ffi.cast("double", 2.5), ffi.new("char[]", b"x")
    )
    assert (size, ffi.string(out)) == (9, b"-7 2.50 x")


def test_callback(ffi, library):
    @ffi.callback("int(const void *, const void *)")
    def compare(one, two):
        return ffi.cast("int *", one)[0] - ffi.cast("int *", two)[0]

    numbers = ffi.new("int[]", [3, -1, 2, 40, 0])
    library.qsort(numbers, len(numbers), ffi.sizeof("int"), compare)
    assert list(numbers) == [-1, 0, 2, 3, 40]


def test_callback_that_fails(ffi, library):
    seen = []

    @ffi.callback("int(const void *, const void *)", error=0, onerror=lambda kind, value, traceback: seen.append(value))
    def compare(one, two):
        raise LookupError("told to fail")

    library.qsort(ffi.new("int[]", [2, 1]), 2, ffi.sizeof("int"), compare)
    assert [str(value) for value in seen] == ["told to fail"]


def test_callback_is_called_from_python(ffi):
    plus = ffi.callback("double(double, short)", lambda a, b: a + b)
    assert ffi.cast("double(*)(double, short)", plus)(1.5, -2) == -0.5


def test_call_with_another_type(ffi, library):
    address = ffi.addressof(library, "strlen")
    with pytest.raises(ValueError, match="type"):
        ffi.cast("double(*)(double)", address)(1.0)


def test_memory(ffi):
    point = ffi.new("point *", {"x": 1.5, "name": b"a"})
    point.y = 2
    assert (point.x + point.y, ffi.string(point.name)) == (3.5, b"a")
    assert ffi.sizeof("point") == 24
    assert ffi.offsetof("point", "name") == 16
    assert ffi.sizeof("void *") == 4
    assert bytes(ffi.buffer(ffi.new("int[]", [1, 2]))) == b"\1\0\0\0\2\0\0\0"
    with pytest.raises(OverflowError):
        ffi.new("signed char *", 128)
    with pytest.raises(IndexError):
        ffi.new("int[2]")[2]
