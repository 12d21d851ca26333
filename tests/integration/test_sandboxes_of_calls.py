"""What one call may do, what it may not, and that nothing of it is left for the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pywasm_runtime.functions.archive import pack
from pywasm_runtime.functions.errors import UploadRefused
from pywasm_runtime.functions.model import Call, Failure, FunctionSettings, Outcome
from tests.integration.chain import Chain
from tests.integration.functions import Functions

pytestmark = pytest.mark.usefixtures("chain")


def outcome(call: Call) -> Outcome:
    assert call.outcome is not None
    return call.outcome


def test_nothing_of_a_call_is_left_for_the_next(functions: Functions) -> None:
    functions.upload(
        "leftover",
        """
        import os, builtins, pywasm_host as host
        seen = []
        def faasm_main():
            seen.append(1)
            builtins.counter = getattr(builtins, "counter", 0) + 1
            os.environ["LEFT"] = "x" * len(seen)
            before = os.listdir("/tmp")
            open("/tmp/left", "w").close()
            host.write_output(repr((len(seen), builtins.counter, os.environ["LEFT"], before)).encode())
        """,
    )
    assert {functions.output("leftover") for _ in range(5)} == {b"(1, 1, 'x', [])"}


def test_what_two_calls_must_not_share_is_renewed(functions: Functions) -> None:
    functions.upload(
        "renewed",
        """
        import random, ssl, uuid, tempfile, secrets, numpy as np, pywasm_host as host
        unseeded, seeded = np.random.default_rng(), np.random.default_rng(42)
        own, fixed = random.Random(), random.Random(42)
        ssl.RAND_bytes(1); uuid.uuid1(); tempfile.mktemp(); np.random.random(); random.random()
        def faasm_main():
            fresh = [random.random(), np.random.random(), unseeded.random(), ssl.RAND_bytes(8).hex(), uuid.uuid1().int,
                     uuid.uuid4().int, tempfile.mktemp(), secrets.token_hex(8), np.random.default_rng().random()]
            host.write_output_json({"fresh": fresh, "fixed": [seeded.random(), fixed.random()]})
        """,
    )
    first, second = (json.loads(functions.output("renewed")) for _ in range(2))
    same = [
        number for number, (one, other) in enumerate(zip(first["fresh"], second["fresh"], strict=True)) if one == other
    ]
    assert same == []
    assert first["fixed"] == second["fixed"]


def test_clocks_go_on(functions: Functions) -> None:
    functions.upload(
        "clocks",
        """
        import time, pywasm_host as host
        imported = time.monotonic(), time.time(), time.perf_counter()
        def faasm_main():
            now = time.monotonic(), time.time(), time.perf_counter()
            host.write_output(repr([0 <= late - early < 100 for early, late in zip(imported, now)]).encode())
        """,
    )
    assert functions.output("clocks") == b"[True, True, True]"


def test_an_import_may_open_files_and_what_stays_open_is_said(functions: Functions) -> None:
    version = functions.upload(
        "reads",
        """
        import pywasm_host as host
        with open(__file__) as file:
            first_line = file.readline() + file.readline()
        def faasm_main(): host.write_output(first_line.encode())
        """,
    )
    assert version.no_image == ""
    assert functions.output("reads") == b"\nimport pywasm_host as host\n"
    version = functions.upload(
        "keeps",
        """
        import pywasm_host as host
        file = open(__file__)
        def faasm_main(): host.write_output(file.read(7).encode())
        """,
    )
    assert "keeps.py" in version.no_image
    assert functions.output("keeps") == b"\nimport"
    assert functions.output("keeps") == b"\nimport"


@pytest.mark.parametrize(
    ("source", "telling"),
    [
        ("def faasm_main(:\n  pass", "SyntaxError"),
        ("import nothing_like_this\ndef faasm_main(): pass", "No module named 'nothing_like_this'"),
        ("1/0\ndef faasm_main(): pass", "ZeroDivisionError"),
        ("def faasm_mian(): pass", "faasm_main"),
        ("import ctypes; ctypes.string_at(1 << 31)\ndef faasm_main(): pass", "out of bounds"),
        ("import os; os._exit(3)\ndef faasm_main(): pass", "status 3"),
        ("raise SystemExit(4)\ndef faasm_main(): pass", "4"),
    ],
)
def test_uploads_that_cannot_become_functions(functions: Functions, source: str, telling: str) -> None:
    with pytest.raises(UploadRefused) as caught:
        functions.upload("refused", source)
    assert telling in f"{caught.value}\n{caught.value.traceback}"


def test_an_import_without_end_is_ended(functions: Functions) -> None:
    with pytest.raises(UploadRefused, match=r"importing the module: it used more than its limit of 1 s") as caught:
        functions.upload("endless", "while True: pass\ndef faasm_main(): pass", cpu_seconds=1.0)
    assert 'endless.py", line 1' in caught.value.traceback
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n"
    with pytest.raises(UploadRefused, match=r"more than its limit of 1 s"):
        functions.upload("endless", stubborn, cpu_seconds=1.0)


def test_an_endless_loop_ends_with_the_line_where_it_was(functions: Functions) -> None:
    functions.upload("loop", "def faasm_main():\n    while True:\n        x = 1\n", cpu_seconds=1.5)
    ended = outcome(functions.call("loop"))
    assert ended.failure is Failure.CPU_TIME
    assert "1.5 s" in ended.error
    assert "in faasm_main" in ended.traceback


def test_an_endless_loop_that_catches_everything_is_ended_too(functions: Functions) -> None:
    functions.upload(
        "stubborn",
        """
        def faasm_main():
            while True:
                try:
                    while True: pass
                except BaseException: pass
        """,
        cpu_seconds=1.5,
    )
    assert outcome(functions.call("stubborn")).failure is Failure.CPU_TIME
    functions.upload("c_loop", "def faasm_main(): pow(3, 10**9)\n", cpu_seconds=1.5)
    assert outcome(functions.call("c_loop")).failure is Failure.CPU_TIME


def test_sleeping_counts_as_wall_time(functions: Functions) -> None:
    functions.upload("sleeper", "import time\ndef faasm_main(): time.sleep(100)\n", wall_seconds=2.0)
    assert outcome(functions.call("sleeper")).failure is Failure.WALL_TIME


def test_waiting_counts_as_wall_time(functions: Functions) -> None:
    functions.upload(
        "waiter",
        """
        import time, pywasm_host as host
        def slow(data): time.sleep(100)
        def faasm_main(): host.await_output(host.chain(slow))
        """,
        wall_seconds=2.0,
    )
    assert outcome(functions.call("waiter")).failure is Failure.WALL_TIME


def test_memory_bombs(functions: Functions) -> None:
    functions.upload("large", "def faasm_main(): bytearray(10**9)\n", memory_bytes=128 << 20)
    ended = outcome(functions.call("large"))
    assert (ended.failure, ended.error.split(":")[0]) == (Failure.EXCEPTION, "MemoryError")
    functions.upload(
        "growing",
        "import numpy as np\ndef faasm_main():\n    kept = []\n    while True: kept.append(np.ones(10**6))\n",
        memory_bytes=128 << 20,
    )
    ended = outcome(functions.call("growing"))
    assert ended.failure is Failure.EXCEPTION
    assert "Memory" in ended.error
    assert ended.memory_bytes <= 128 << 20


def test_recursion_bombs(functions: Functions) -> None:
    functions.upload("deep", "def faasm_main(): faasm_main()\n")
    ended = outcome(functions.call("deep"))
    assert ended.error.startswith("RecursionError")
    functions.upload(
        "deeper",
        "import sys\ndef f(): f()\ndef faasm_main():\n    sys.setrecursionlimit(10**9)\n    f()\n",
        memory_bytes=256 << 20,
    )
    assert outcome(functions.call("deeper")).failure in (Failure.EXCEPTION, Failure.TRAP, Failure.CPU_TIME)


def test_floods(functions: Functions) -> None:
    functions.upload(
        "flood",
        """
        import sys, pywasm_host as host
        def faasm_main():
            for _ in range(2000): print("x" * 10000)
            for _ in range(2000): host.log("y" * 10000)
            host.write_output(b"done")
        """,
        log_bytes=100_000,
    )
    call = functions.call("flood")
    ended = outcome(call)
    assert ended.output == b"done"
    assert len(ended.stdout) < 110_000
    assert len(ended.stderr) < 110_000
    assert b"cut here" in ended.stdout
    functions.upload(
        "gush", "import pywasm_host as host\ndef faasm_main(): host.write_output(bytes(2000))\n", output_bytes=1000
    )
    ended = outcome(functions.call("gush"))
    assert ended.failure is not Failure.NONE
    assert "1000" in ended.error


def test_ten_thousand_files(functions: Functions) -> None:
    functions.upload(
        "files",
        """
        def faasm_main():
            for number in range(10_000): open(f"/tmp/{number}", "w").close()
        """,
        tmp_files=500,
    )
    for _ in range(2):
        ended = outcome(functions.call("files"))
        assert ended.failure in (Failure.EXCEPTION, Failure.OUTPUT)
        assert "space" in ended.error or "500" in ended.error
    functions.upload("big", 'def faasm_main(): open("/tmp/big", "wb").write(bytes(9 << 20))\n', tmp_bytes=8 << 20)
    ended = outcome(functions.call("big"))
    assert ended.failure in (Failure.EXCEPTION, Failure.OUTPUT)


def test_the_runtime_and_the_code_are_read_only(functions: Functions) -> None:
    functions.upload(
        "writer",
        """
        import os, pywasm_host as host
        def faasm_main():
            refused = []
            for path in ("/usr/x", "/function/x", "/x", __file__, os.__file__, "/../../etc/passwd", "/dev/x"):
                try: open(path, "a").write("x")
                except OSError as error: refused.append(path)
            host.write_output(str(len(refused)).encode())
        """,
    )
    assert functions.output("writer") == b"7"


def test_there_is_no_network(functions: Functions) -> None:
    functions.upload(
        "net",
        """
        import socket
        def faasm_main(): socket.create_connection(("127.0.0.1", 80))
        """,
    )
    assert outcome(functions.call("net")).failure is Failure.EXCEPTION


@pytest.mark.parametrize(
    "statement",
    [
        "ctypes.string_at(0xFFFFFFF0, 64)",
        "ctypes.memset(0, 65, 1 << 25)",
        "ctypes.c_uint64.from_address(0x7FFFFFF8).value = 1",
        "ctypes.CFUNCTYPE(None)(0xFFFFFF)()",
        "ctypes.CDLL(None).abort()",
        "ctypes.CDLL(None).pywasm_host_read_state(0xFFFFFFF0, 64)",
        "ctypes.CDLL(None).pywasm_host_take(0xFFFFFFF0, 0xFFFFFFFF)",
        "ctypes.CDLL(None).pywasm_host_map_state(0, 0xFFFFFFFF, 65536, 65536)",
        "ctypes.CDLL(None).pywasm_interruption()",
        "ctypes.CDLL(None).pywasm_initialise()",
        "[ctypes.memset(address, 255, 4096) for address in range(0, 1 << 26, 4096)]",
    ],
)
def test_wild_pointers_hurt_only_their_own_call(functions: Functions, statement: str) -> None:
    functions.upload("wild", f"import ctypes\ndef faasm_main():\n    {statement}\n")
    outcome(functions.call("wild"))  # whatever comes of it
    functions.upload("tame", "import pywasm_host as host\ndef faasm_main(): host.write_output(b'fine')\n")
    assert functions.output("tame") == b"fine"


def test_a_damaged_image_is_made_again(functions: Functions) -> None:
    functions.upload(
        "damaged", "import pywasm_host as host\nx = 7\ndef faasm_main(): host.write_output(str(x).encode())\n"
    )
    assert functions.output("damaged") == b"7"
    images = sorted(functions.images.glob("function-*.memory"))
    assert images
    for image in images:
        content = bytearray(image.read_bytes())
        content[len(content) // 2] ^= 0xFF
        image.unlink()  # a worker may have it mapped
        image.write_bytes(content)
        image.chmod(0o600)
    functions.upload("other", "def faasm_main(): pass\n")
    assert functions.output("damaged") == b"7"


def test_a_trap_has_a_traceback(functions: Functions) -> None:
    functions.upload("trap", "import ctypes\ndef faasm_main():\n    ctypes.string_at(1 << 31)\n")
    ended = outcome(functions.call("trap"))
    assert ended.failure is Failure.TRAP
    assert "out of bounds" in ended.error
    assert "in faasm_main" in ended.traceback


def test_a_side_module_of_its_own_is_part_of_a_functions_image(
    chain: Chain, functions: Functions, tmp_path: Path
) -> None:
    code = tmp_path / "counting"
    code.mkdir()
    chain.extension(
        code,
        "counter",
        """
        static int count = 40;
        static PyObject *next(PyObject *self, PyObject *arguments) { return PyLong_FromLong(++count); }
        EXTENSION(counter, {"next", next, METH_NOARGS, NULL})
        """,
    )
    (code / "counter.c").unlink()
    (code / "main.py").write_text(
        "import counter, pywasm_host as host\nfirst = counter.next()\n"
        "def faasm_main(): host.write_output_json([first, counter.next()])\n"
    )
    version = functions.wait(functions.service.upload("tester", "counting", pack(code), FunctionSettings()))
    assert version.no_image == ""
    assert functions.output("counting") == functions.output("counting") == b"[41, 42]"
