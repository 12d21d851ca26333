"""Guests that go wrong: one message, the guest's own Python line, a shell's exit status, no traceback of ours."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.chain import TIMEOUT, Chain, Ended, running

TRAPS = r"""
#include <stdlib.h>
static volatile int depth;
__attribute__((noinline)) static int deeper(int n)
{
    volatile char frame[64];
    frame[0] = (char)n;
    return depth ? n : deeper(n + 1) + frame[0];
}
static PyObject *trap(PyObject *module, PyObject *none) { __builtin_trap(); }
static PyObject *overflow(PyObject *module, PyObject *none) { return PyLong_FromLong(deeper(1)); }
static PyObject *wild(PyObject *module, PyObject *none) { return PyLong_FromLong(*(volatile int *)0xfffffff0u); }
static PyObject *call(PyObject *module, PyObject *none)
{
    void *volatile function = (void *)PyLong_FromLong;
    return ((PyObject *(*)(double))function)(1.0);
}
static PyObject *zero(PyObject *module, PyObject *n) { return PyLong_FromLong(7 / PyLong_AsLong(n)); }
static PyObject *leave(PyObject *module, PyObject *none) { exit(11); }
EXTENSION(traps, {"trap", trap, METH_NOARGS, NULL}, {"overflow", overflow, METH_NOARGS, NULL},
    {"wild", wild, METH_NOARGS, NULL}, {"call", call, METH_NOARGS, NULL}, {"zero", zero, METH_O, NULL},
    {"leave", leave, METH_NOARGS, NULL})
"""
THROWS = r"""
static PyObject *run(PyObject *, PyObject *) { throw 1; }
EXTENSION(throws, {"run", run, METH_NOARGS, nullptr})
"""


@pytest.fixture(scope="module")
def modules(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traps")
    chain.extension(folder, "traps", TRAPS)
    chain.extension(folder, "throws", THROWS, language="cpp")
    return folder


def assert_clean(ended: Ended) -> None:
    """Check that nothing of our own implementation shows."""
    for word in ("wasmtime", "pywasm_runtime", "ctypes", "guest_thread"):
        assert word not in ended.stderr


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("traps.trap()", "unreachable"),
        ("traps.overflow()", "call stack exhausted"),
        ("traps.wild()", "out of bounds memory access"),
        ("traps.call()", "indirect call type mismatch"),
        ("traps.zero(0)", "integer divide by zero"),
        ("throws.run()", "exception"),
        ("os.abort()", "unreachable"),
    ],
)
def test_a_trap_shows_the_guest_s_line(chain: Chain, modules: Path, tmp_path: Path, call: str, reason: str) -> None:
    (tmp_path / "s.py").write_text(f"import os, traps, throws\n\ndef f():\n    {call}\n\nprint('before')\nf()\n")
    ended = chain.python("--dir", f"{modules}:/m:ro", "--env", "PYTHONPATH=/m", "s.py", cwd=tmp_path)
    assert ended.returncode == 134
    lines = ended.stderr.splitlines()
    (trapped,) = (line for line in lines if line.startswith("python-wasm: the guest trapped: "))
    assert reason in trapped
    assert lines[-3].endswith("(most recent call first):")
    assert lines[-2:] == [
        f'  File "{tmp_path}/s.py", line 4 in f',
        f'  File "{tmp_path}/s.py", line 7 in <module>',
    ] or (lines[-2:] == ['  File "s.py", line 4 in f', '  File "s.py", line 7 in <module>'])
    assert_clean(ended)


def test_a_trap_loses_no_output_that_was_flushed(chain: Chain, modules: Path) -> None:
    ended = chain.python_in(modules, "import traps\nprint('before', flush=True)\ntraps.trap()")
    assert (ended.returncode, ended.stdout) == (134, "before\n")


def test_exit_in_c(chain: Chain, modules: Path) -> None:
    ended = chain.python_in(modules, "import traps\ntraps.leave()")
    assert (ended.returncode, ended.stderr) == (11, "")


def test_recursion(chain: Chain) -> None:
    code = """
import json, sys
def attempt(body):
    try:
        return body()
    except (RecursionError, MemoryError, SyntaxError) as error:
        return type(error).__name__
def f(): return f()
class Repr:
    def __repr__(self): return repr(self)
class Plain: pass
nested = []
for _ in range(100000): nested = [nested]
print(attempt(f), attempt(lambda: repr(Repr())), attempt(lambda: repr(nested)), attempt(lambda: json.dumps(nested)),
      attempt(lambda: json.loads("[" * 100000)), attempt(lambda: eval("(" * 1000 + ")" * 1000)),
      attempt(lambda: compile("-" * 50000 + "1", "", "eval")), attempt(lambda: nested == [nested]))
sys.setrecursionlimit(20000)
def count(n): return n and 1 + count(n - 1)
print(count(15000))
"""
    ended = chain.python("-c", code)
    assert ended.returncode == 0, ended.stderr
    names, depth = ended.stdout.splitlines()
    # For parentheses the tokenizer has a limit of its own, which is a SyntaxError.
    assert set(names.split()) <= {"RecursionError", "MemoryError", "SyntaxError"}
    assert depth == "15000"


def test_recursion_through_c_without_a_limit(chain: Chain) -> None:
    code = """
import functools, sys
sys.setrecursionlimit(10**7)
class A:
    def __getattr__(self, name): return getattr(self, name + "x"[:0])
A().y
"""
    ended = chain.python("-c", code)
    if ended.returncode == 134:
        assert "python-wasm: the guest trapped: call stack exhausted" in ended.stderr
    else:
        assert ended.returncode == 1
        assert "RecursionError" in ended.stderr
    assert_clean(ended)


def test_memory_runs_out(chain: Chain) -> None:
    # Memory of numpy.empty is never touched, so the machine does not need it.
    code = """
import numpy
kept = []
try:
    while True:
        kept.append(numpy.empty(2**29, "u1"))
except MemoryError as error:
    print(len(kept), type(error).__name__)
kept.clear()
print(len(bytes(10**7)))
try:
    numpy.zeros((2**20, 2**20))
except (MemoryError, ValueError) as error:
    print("refused")
"""
    ended = chain.python("-c", code)
    assert ended.returncode == 0, ended.stderr
    first, *rest = ended.stdout.splitlines()
    assert 5 <= int(first.split()[0]) <= 8
    assert first.endswith("MemoryError")
    assert rest == ["10000000", "refused"]


@pytest.mark.parametrize("code", ["while True: pass", "input()", "import time; time.sleep(100)", "sum(range(10**12))"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(chain: Chain, tmp_path: Path, code: str, number: signal.Signals) -> None:
    command: list[str | Path] = [chain.python_wasm, "-c", f"print('ready', flush=True)\n{code}"]
    with running(command, environ={"TMPDIR": str(tmp_path)}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


def closed_pipe(chain: Chain, code: str) -> tuple[int, str]:
    """Run code whose output nobody reads after its first line; give the exit status and stderr."""
    with running([chain.python_wasm, "-c", code]) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        return process.wait(TIMEOUT), process.stderr.read()


def test_a_closed_pipe_is_an_error_of_the_guest(chain: Chain) -> None:
    status, message = closed_pipe(chain, "for n in range(10**6): print(n)")
    assert status in (1, 120)  # as with `python`: an exception, or a flush at exit that failed
    assert message.splitlines()[-1].startswith("BrokenPipeError: [Errno ")
    for word in ("wasmtime", "pywasm_runtime", "python-wasm:"):
        assert word not in message


def test_a_guest_can_catch_a_closed_pipe(chain: Chain) -> None:
    code = """
import os, sys
try:
    for n in range(10**6): print(n)
except BrokenPipeError:
    os._exit(0)
"""
    assert closed_pipe(chain, code) == (0, "")


def test_streams_that_are_closed_from_the_start(chain: Chain) -> None:
    for redirection in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        ended = subprocess.run(
            ["/bin/sh", "-c", f'"$0" -c "import sys; sys.exit(5)" {redirection}', chain.python_wasm],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert (redirection, ended.returncode, ended.stderr) == (redirection, 5, "")


def test_no_runtime_root(chain: Chain, tmp_path: Path) -> None:
    ended = chain.python("-c", "1", environ={"PYWASM_RUNTIME": str(tmp_path / "gone")})
    assert ended.returncode == 1
    assert ended.stderr == (
        f"python-wasm: no runtime root at {tmp_path}/gone (PYWASM_RUNTIME); make it with: bin/inv runtime\n"
    )
