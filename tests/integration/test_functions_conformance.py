"""The samples give what they are to give, and what Faasm's Python functions could not do, ours can.

Each test below the samples is named after the defect that it shows to be absent.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pywasm_host.abi import HOST_FUNCTIONS, Kind
from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.errors import InvalidName
from pywasm_runtime.functions.model import CallRequest, Failure, FunctionSettings
from pywasm_runtime.server.app import create_app
from pywasm_runtime.storage import Storage
from tests.integration.functions import USER, Functions
from tests.integration.waiting import begin, outcome, output_of, worker_of

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "functions"
FAASM_MAIN = None


def numbers(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def says(**expected: object) -> Callable[[bytes], bool]:
    """Make a check: the output is JSON with these items."""
    return lambda output: expected.items() <= json.loads(output).items()


Expected = bytes | Callable[[bytes], bool]
# File, entry, input, what comes out. What reads state comes after what writes it.
SAMPLES: list[tuple[str, str | None, bytes, Expected]] = [
    ("addup", FAASM_MAIN, numbers(), b"0.0"),
    ("addup", FAASM_MAIN, numbers(1, 2, 3, 4, 5.5, -0.25), b"15.25"),
    ("chain", FAASM_MAIN, b"", b"4321 56785678"),
    ("chain", "failing", b"", b"3 status"),
    ("chain", "reversed_bytes", b"\0\1\xff", b"\xff\1\0"),
    ("ctypes_check", FAASM_MAIN, b"", says(strlen=12, strtod=2500.0, div=[-3, -2], qsort=[-3, 0, 5, 12])),
    ("deltablue", FAASM_MAIN, b'{"size": 3, "edits": 2}', says(chain=6)),
    ("dict_state", FAASM_MAIN, b"", says(alpha="beta", gamma="delta", epsilon="zeta")),
    ("dir_test", FAASM_MAIN, b"/function", b"dir_test.py"),
    ("dir_test", FAASM_MAIN, b"/tmp", b""),
    ("dir_test", "temporary", b"", says(names=["moved.txt"])),
    ("echo", FAASM_MAIN, b"", b""),
    ("echo", FAASM_MAIN, bytes(range(256)) * 5000, bytes(range(256)) * 5000),
    ("env_check", FAASM_MAIN, b'{"HOME": "/tmp", "SECRET": null}', b"{}"),
    ("faasm_names", FAASM_MAIN, b"a\0b\xff", b"a\0b\xff0199956789"),
    ("hash_check", FAASM_MAIN, b"", b""),
    ("hello", FAASM_MAIN, "Zoë".encode(), lambda output: output.startswith("Hello, Zoë! This is Python 3.".encode())),
    ("lang_test", FAASM_MAIN, b"", lambda output: output.startswith(b"numbers, ") and output.endswith(b"coroutines")),
    ("mat_mul", FAASM_MAIN, b'{"size": 32, "levels": 1}', lambda output: len(output) == 32 * 32 * 4),
    ("noop", FAASM_MAIN, b"ignored", b""),
    ("numpy_conf", FAASM_MAIN, b'{"size": 16}', says(machine="wasm32")),
    ("numpy_test", FAASM_MAIN, b"", lambda output: output.startswith(b"numpy ") and output.endswith(b"printing")),
    ("pickle_check", FAASM_MAIN, b"", b"24"),
    ("pyc_check", FAASM_MAIN, b"", lambda output: min(json.loads(output).values()) > 0),
    ("state_test_write", FAASM_MAIN, b"", b""),
    ("state_test_read", FAASM_MAIN, b"", b"0199956789"),
]


@pytest.fixture(scope="module")
def samples(functions: Functions) -> set[str]:
    """Upload all samples."""
    names = {path.stem for path in FOLDER.glob("*.py")}
    for name in names:
        functions.upload(name, (FOLDER / f"{name}.py").read_text("utf-8"), user="samples")
    return names


def test_every_sample_is_tried(samples: set[str]) -> None:
    assert {name for name, *_ in SAMPLES} == samples


@pytest.mark.parametrize(("name", "entry", "content", "expected"), SAMPLES)
@pytest.mark.usefixtures("samples")
def test_samples(functions: Functions, name: str, entry: str | None, content: bytes, expected: Expected) -> None:
    output = functions.output(name, content, user="samples", entry=entry)
    assert output == expected if isinstance(expected, bytes) else expected(output), output


def test_faasm_names_in_another_users_space(functions: Functions) -> None:
    source = (FOLDER / "faasm_names.py").read_text("utf-8")
    functions.upload("faasm_names", source, user="faasm")
    assert functions.output("faasm_names", b"x", user="faasm") == b"x0199956789"
    with pytest.raises(AssertionError, match="NotFound"):
        functions.upload("other", "import pywasm_host as h\ndef faasm_main(): h.read_state('pyStateTest')\n", user="u")
        functions.output("other", user="u")


def test_input_and_output_go_on_after_a_nul_byte(functions: Functions) -> None:
    functions.upload(
        "nul",
        """
        import pywasm_host as host
        def faasm_main():
            host.write_output(host.chain(back, host.read_input()).output())
        def back(content):
            host.write_output(content[::-1])
        """,
    )
    for content in (b"\0", b"a\0b", b"\0\0a", b"end\0"):
        assert functions.output("nul", content) == content[::-1]


def test_output_need_not_be_utf8(functions: Functions) -> None:
    functions.upload(
        "latin", "import pywasm_host as host\ndef faasm_main(): host.write_output(b'caf\\xe9\\xff\\xc0')\n"
    )
    assert functions.output("latin") == b"caf\xe9\xff\xc0"


@pytest.mark.parametrize(
    ("ending", "failure", "status"),
    [
        ("return 7", Failure.STATUS, 7),
        ("return -7", Failure.STATUS, -7),
        ("raise SystemExit(9)", Failure.STATUS, 9),
        ("raise SystemExit('no')", Failure.STATUS, 1),
        ("import os; os._exit(5)", Failure.STATUS, 5),
        ("raise ValueError('no')", Failure.EXCEPTION, 1),
        ("return 'text'", Failure.EXCEPTION, 1),
        ("import ctypes; ctypes.string_at(1 << 31)", Failure.TRAP, None),
    ],
)
def test_a_status_does_not_overwrite_the_output(
    functions: Functions, ending: str, failure: Failure, status: int | None
) -> None:
    functions.upload(
        "kept", f"import pywasm_host as host\ndef faasm_main():\n    host.write_output(b'kept')\n    {ending}\n"
    )
    ended = outcome(functions.call("kept"))
    assert (ended.output, ended.failure) == (b"kept", failure)
    assert ended.status == status if status is not None else ended.status != 0


LONG = [64, 101, 256, 1024, 10_000, 1_000_000]


@pytest.mark.parametrize("length", LONG)
def test_long_names_do_not_overflow(functions: Functions, length: int) -> None:
    archive, service = pack_source(b"def faasm_main(): pass\n", "name"), functions.service
    functions.upload("name", "def faasm_main(): pass\n")
    long = "n" * length
    tries: list[Callable[[], Awaitable[object]]] = [
        lambda: service.upload(long, "name", archive),
        lambda: service.functions(long),
    ]
    if length > 100:
        tries += [
            lambda: service.upload(USER, long, archive),
            lambda: service.upload(USER, "name", archive, FunctionSettings(entry=long)),
            lambda: service.invoke(CallRequest(user=USER, function=long)),
            lambda: service.submit(CallRequest(user=USER, function="name", entry=long)),
        ]
    if length > 512:
        tries += [lambda: service.read_state(USER, long), lambda: service.write_state(USER, long, b"x")]
    for attempt in tries:
        with pytest.raises(InvalidName):
            functions.wait(attempt())


def test_long_names_are_refused_in_the_guest(functions: Functions) -> None:
    functions.upload(
        "namer",
        """
        import pywasm_host as host
        def faasm_main():
            long = "x" * int(host.read_input())
            tries = {
                "user": lambda: host.chain(f"{long}/f"),
                "function": lambda: host.chain(long),
                "entry": lambda: host.chain("namer", entry=long),
                "read": lambda: host.read_state(long),
                "write": lambda: host.write_state(long, b"x"),
                "lock": lambda: host.lock_state(long).__enter__(),
                "config": lambda: host.config(long),
            }
            found = {}
            for name, attempt in tries.items():
                try: attempt()
                except host.HostError as error: found[name] = type(error).__name__
            host.write_output_json(found)
        """,
    )
    refused = dict.fromkeys(("user", "function", "entry", "read", "write", "lock"), "InvalidRequest")
    for length in (600, 1_000_000):
        assert json.loads(functions.output("namer", str(length).encode())) == refused | {"config": "NotFound"}


def test_await_output_has_one_form(functions: Functions) -> None:
    (function,) = [function for function in HOST_FUNCTIONS if function.name == "await_output"]
    assert [parameter.kind for parameter in function.parameters] == [Kind.U32]
    functions.upload(
        "forms",
        """
        import pywasm_host as host
        def faasm_main():
            for size in (0, 1, 65535, 65536, 65537, 3_000_000):
                own, named = host.chain(made, b"%d" % size), host.chain("forms", b"%d" % size, entry="made")
                outputs = {own.output(), host.await_output(own.number), named.output(), named.output()}
                assert outputs == {bytes(n % 251 for n in range(size))}, size
                assert own.wait().status == 0
        def made(size):
            host.write_output(bytes(n % 251 for n in range(int(size))))
        """,
    )
    functions.output("forms")


def test_a_key_is_written_again_with_another_length(functions: Functions) -> None:
    functions.upload(
        "lengths",
        """
        import pywasm_host as host
        def faasm_main():
            for size in (10, 3, 100_000, 70_000, 0, 65536, 1, 65537):
                value = bytes(n % 253 for n in range(size))
                host.write_state("lengths", value)
                assert (host.state_size("lengths"), host.read_state("lengths")) == (size, value), size
                host.push_state("lengths")
                host.write_state("lengths", b"another")
                host.pull_state("lengths")
                assert (host.state_size("lengths"), host.read_state("lengths")) == (size, value), size
        """,
    )
    functions.output("lengths")


KEEPER = """
import pywasm_host as host
def keep(key):
    host.write_state(key.decode(), host.user().encode() + b" " + key)
    host.push_state(key.decode())
    host.append_state(key.decode(), host.user().encode())
def faasm_main(key):
    seen = [host.read_state(key.decode()), *host.read_appended(key.decode())]
    host.pull_state(key.decode())
    host.write_output(b", ".join([*seen, host.read_state(key.decode())]))
"""


def test_keys_of_users_are_apart(functions: Functions) -> None:
    pairs = [("a_b", b"c"), ("a", b"b_c"), ("a", b"b/c"), ("a-b", b"c"), ("b", b"b_c"), ("a", b"c"), ("a_b", b"a_b_c")]
    for user in {user for user, _ in pairs}:
        functions.upload("keeper", KEEPER, user=user)
    for user, key in pairs:
        functions.output("keeper", key, user=user, entry="keep")
    for user, key in pairs:
        value = user.encode() + b" " + key
        assert functions.output("keeper", key, user=user) == b", ".join([value, user.encode(), value])


def test_none_from_a_chained_function_is_success(functions: Functions) -> None:
    functions.upload(
        "nothing",
        """
        import pywasm_host as host
        def none(data): host.write_output(b"out")
        def zero(data): return 0
        def faasm_main():
            for function in (none, zero):
                status = host.chain(function).wait()
                assert (status.status, status.failure, status.error) == (0, "", ""), status
            assert host.chain(none).output() == b"out"
        """,
    )
    functions.output("nothing")


def test_floats_structs_and_callbacks_through_ctypes(functions: Functions) -> None:
    functions.upload(
        "foreign",
        """
        import ctypes
        from ctypes import CFUNCTYPE, Structure, c_double, c_float, c_int, c_longlong, c_size_t, c_void_p
        class Pair(Structure):
            _fields_ = [("x", c_double), ("n", c_int)]
        class One(Structure):
            _fields_ = [("x", c_double)]
        class Div(Structure):
            _fields_ = [("quotient", c_longlong), ("remainder", c_longlong)]
        libc = ctypes.CDLL(None)
        def faasm_main():
            libc.pow.argtypes, libc.pow.restype = [c_double, c_double], c_double
            libc.powf.argtypes, libc.powf.restype = [c_float, c_float], c_float
            assert (libc.pow(2.0, 0.5), libc.powf(2.0, -1.0)) == (2.0**0.5, 0.5)
            libc.lldiv.argtypes, libc.lldiv.restype = [c_longlong, c_longlong], Div
            result = libc.lldiv(-(10**15) - 1, 10)
            assert (result.quotient, result.remainder) == (-(10**14), -1)
            # Through a callback and back: C calls Python with a struct, floats and a 64 bit number.
            mixed = CFUNCTYPE(c_double, Pair, c_float, c_longlong)(lambda pair, f, n: pair.x * pair.n + f + n)
            assert mixed(Pair(1.5, 4), 0.25, 10**12) == 6.25 + 10**12
            halved = CFUNCTYPE(c_float, One)(lambda one: one.x / 2)
            assert halved(One(0.5)) == 0.25
            order = CFUNCTYPE(c_int, ctypes.POINTER(c_double), ctypes.POINTER(c_double))
            values = (c_double * 5)(3.5, -1.0, 2.25, 1e300, -0.5)
            libc.qsort.argtypes, libc.qsort.restype = [c_void_p, c_size_t, c_size_t, order], None
            libc.qsort(values, 5, 8, order(lambda a, b: (a[0] > b[0]) - (a[0] < b[0])))
            assert list(values) == [-1.0, -0.5, 2.25, 3.5, 1e300]
        """,
    )
    functions.output("foreign")


def test_changed_code_needs_no_flush(functions: Functions) -> None:
    def source(number: int) -> str:
        return f"""
            import pywasm_host as host
            NUMBER = {number}
            def faasm_main(): host.write_output(host.chain(child).output() + b" %d" % NUMBER)
            def child(data): host.write_output(b"%d" % NUMBER)
            """

    versions = []
    for number in (1, 2, 1, 3):
        versions.append(functions.upload("changing", source(number)).version)
        expected = b"%d %d" % (number, number)
        assert {functions.output("changing") for _ in range(4)} == {expected}
    assert versions == sorted(set(versions))
    assert functions.upload("changing", source(3)).version == versions[-1], "nothing has changed"


def test_a_sleep_takes_as_long_as_it_says(functions: Functions) -> None:
    functions.upload(
        "sleeper",
        """
        import time, pywasm_host as host
        def faasm_main():
            began = time.time()
            for _ in range(10): time.sleep(0.01)
            host.write_output_json(time.time() - began)
        """,
    )
    assert 0.1 <= json.loads(functions.output("sleeper")) < 1.0


def test_there_is_authentication(functions: Functions) -> None:
    functions.upload("mine", "def faasm_main(): pass\n")
    functions.upload("theirs", "def faasm_main(): pass\n", user="neighbour")
    token = functions.wait(functions.service.add_user(USER, renew=True))

    async def ask(token: str, path: str) -> int:
        transport = httpx.ASGITransport(create_app(functions.service))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return (await client.post(path, headers=headers)).status_code

    def asked(token: str, user: str, name: str) -> int:
        return functions.wait(ask(token, f"/v1/users/{user}/functions/{name}/invoke"))

    assert [asked(wrong, USER, "mine") for wrong in ("", "x", token[:-1], token + "x")] == [401] * 4
    assert asked(token, USER, "mine") == 200
    assert asked(token, "neighbour", "theirs") == 403


def test_memory_and_cpu_time_are_limited(functions: Functions) -> None:
    functions.upload("hog", "def faasm_main(): x = bytearray(200 << 20)\n", memory_bytes=96 << 20)
    ended = outcome(functions.call("hog"))
    assert ended.error.startswith("MemoryError")
    assert ended.memory_bytes <= 96 << 20
    functions.upload("spin", "def faasm_main():\n    while True: pass\n", cpu_seconds=1.5)
    begun = time.monotonic()
    ended = outcome(functions.call("spin"))
    assert ended.failure is Failure.CPU_TIME
    assert 1.5 <= ended.cpu_seconds <= time.monotonic() - begun


LOCKER = """
import time, pywasm_host as host
def faasm_main(content):
    number, key = content.split()
    with host.lock_state(key.decode()):
        host.append_state("order/" + key.decode(), b"begins " + number)
        time.sleep(0.15)
        host.append_state("order/" + key.decode(), b"ends " + number)
def tried(key):
    try:
        with host.lock_state(key.decode(), timeout=0): host.write_output(b"locked")
    except host.LockTimeout: host.write_output(b"refused")
def waited(key):
    with host.lock_state(key.decode()): pass
def order(key):
    host.write_output(b",".join(host.read_appended("order/" + key.decode())))
"""


def test_a_lock_holds_across_processes(functions: Functions) -> None:
    functions.upload("locker", LOCKER)
    calls = [begin(functions, "locker", b"%d across" % number) for number in range(2)]
    processes = {worker_of(functions, call_id) for call_id in calls}
    for call_id in calls:
        output_of(functions, call_id)
    assert len(processes) == 2
    events = functions.output("locker", b"across", entry="order").split(b",")
    first = events[0].split()[1]
    assert events[1] == b"ends " + first
    assert len(events) == 4


def test_a_lock_of_a_machine_that_died_ends_with_its_lease(functions: Functions) -> None:
    functions.upload("locker", LOCKER)
    # What another machine of the cluster would do, if it died right after.
    with Storage(functions.folder) as storage:
        assert storage.locks.acquire(USER, "leased", "call of another machine", True, 1.5)
        end_of_lease = time.monotonic() + 1.5
    assert functions.output("locker", b"leased", entry="tried") == b"refused"
    functions.output("locker", b"leased", entry="waited")
    assert time.monotonic() >= end_of_lease


def test_calls_of_threads_do_not_mix(functions: Functions) -> None:
    functions.upload(
        "mirror", "import pywasm_host as host\ndef faasm_main(): host.write_output(host.read_input() * 3)\n"
    )
    wrong: list[Any] = []

    def calls(number: int) -> None:
        for step in range(10):
            content = b"%d-%d\0" % (number, step)
            if functions.output("mirror", content) != content * 3:
                wrong.append(content)

    threads = [threading.Thread(target=calls, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_many_uploads_at_once_are_all_there(functions: Functions) -> None:
    async def upload_all() -> None:
        await asyncio.gather(*(asyncio.to_thread(upload, number) for number in range(4)))

    def upload(number: int) -> None:
        functions.upload(f"many-{number}", f"import pywasm_host as h\ndef faasm_main(): h.write_output(b'{number}')\n")

    asyncio.run(upload_all())
    assert [functions.output(f"many-{number}") for number in range(4)] == [b"0", b"1", b"2", b"3"]
