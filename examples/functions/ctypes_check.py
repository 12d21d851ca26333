"""Call C functions through ctypes: numbers, floats, texts, structs by value, and callbacks."""

import ctypes

import pywasm_host as host


class Division(ctypes.Structure):
    """Be what the C function div gives: div_t."""

    _fields_ = [("quotient", ctypes.c_int), ("remainder", ctypes.c_int)]


Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def faasm_main() -> None:
    """Write what four functions of the C library give, and check it."""
    library = ctypes.CDLL(None)
    found = {
        "strlen": library.strlen(b"twelve bytes"),
        "strtod": parsed(library, b"2.5e3"),
        "div": divided(library, -17, 5),
        "qsort": in_order(library, [5, -3, 12, 0]),
    }
    host.write_output_json(found)
    if found != {"strlen": 12, "strtod": 2500.0, "div": [-3, -2], "qsort": [-3, 0, 5, 12]}:
        raise ValueError(f"the C library gave {found}")


def parsed(library: ctypes.CDLL, text: bytes) -> float:
    """Have C read a number: its result is a double."""
    library.strtod.argtypes, library.strtod.restype = [ctypes.c_char_p, ctypes.c_void_p], ctypes.c_double
    return float(library.strtod(text, None))


def divided(library: ctypes.CDLL, number: int, by: int) -> list[int]:
    """Have C divide: its result is a struct."""
    library.div.argtypes, library.div.restype = [ctypes.c_int, ctypes.c_int], Division
    result = library.div(number, by)
    return [result.quotient, result.remainder]


def in_order(library: ctypes.CDLL, numbers: list[int]) -> list[int]:
    """Have C sort: it calls back into Python to compare."""
    array = (ctypes.c_int * len(numbers))(*numbers)
    library.qsort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, Compare]
    library.qsort.restype = None
    library.qsort(array, len(numbers), ctypes.sizeof(ctypes.c_int), Compare(lambda a, b: a[0] - b[0]))
    return list(array)
