"""What a call through ctypes costs, and a callback, beside the native Python of the same version."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path

from bench.report import Row, Section
from pywasm_build.context import Context
from pywasm_build.native import native_python

_RUNS = 7
_LIMIT = 3.0
# Each case is timed for some ten milliseconds. The numbers are small, so that no time goes into making integers.
_PROGRAM = """
import json
from ctypes import *
from timeit import Timer

class Pair(Structure):
    _fields_ = [("quotient", c_int), ("rest", c_int)]

def function(name, restype, *argtypes):
    found = CDLL(None)[name]
    found.restype, found.argtypes = restype, argtypes
    return found

untyped, typed = CDLL(None).abs, function("abs", c_int, c_int)
length = function("strlen", c_size_t, c_char_p)
divide = function("div", Pair, c_int, c_int)
release = function("free", None, c_void_p)
absolute = function("fabs", c_double, c_double)
output, buffer = function("snprintf", c_int, c_char_p, c_size_t, c_char_p), create_string_buffer(40)
Compare = CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))
compare = Compare(lambda one, other: 0)
search, numbers, key = function("bsearch", c_void_p), (c_int * 1)(1), byref(c_int(1))
Echo = CFUNCTYPE(c_int, c_int)
echo = Echo(lambda value: value)

cases = {
    "abs(-5) without argtypes": lambda: untyped(-5),
    "abs(-5)": lambda: typed(-5),
    "strlen(bytes)": lambda: length(b"hello"),
    "fabs(-2.5), a double": lambda: absolute(-2.5),
    "free(NULL), no result": lambda: release(None),
    "div(7, 2), a structure": lambda: divide(7, 2),
    "snprintf(...), variadic": lambda: output(buffer, 40, b"%d", 5),
    "a callback, called from Python": lambda: echo(1),
    "bsearch with a callback": lambda: search(key, numbers, 1, 4, compare),
    "making a callback": lambda: Echo(len),
}
times = {}
for name, case in cases.items():
    timer, count = Timer(case), 10000
    times[name] = min(timer.repeat(5, count)) / count
print(json.dumps(times))
"""


def run(root: Path) -> Section:
    """Time each kind of call in both Pythons, round by round."""
    native = native_python(Context.discover(os.environ)).executable
    rounds = [(_times(native), _times(root / "bin" / "python-wasm")) for _ in range(_RUNS)]
    ratios = {name: [wasm[name] / times[name] for times, wasm in rounds] for name in rounds[0][0]}
    rows = [Row(what=f"{name}, to native", values=ratios[name], unit="times", limit=f"{_LIMIT:g}") for name in ratios]
    mean = [statistics.geometric_mean(values[number] for values in ratios.values()) for number in range(_RUNS)]
    rows.append(Row(what="geometric mean", values=mean, unit="times", limit=f"{_LIMIT:g}"))
    costs = [wasm["abs(-5)"] * 1e9 for _, wasm in rounds]
    rows.append(Row(what="abs(-5) in wasm", values=costs, unit="ns"))
    return Section(title="Calls through ctypes", command="bin/inv bench --only ctypes", rows=rows)


def _times(python: Path) -> dict[str, float]:
    done = subprocess.run([python, "-c", _PROGRAM], check=True, capture_output=True, encoding="utf-8")
    times: dict[str, float] = json.loads(done.stdout)
    return times
