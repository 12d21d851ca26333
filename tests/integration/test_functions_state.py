"""State as its users see it: two tiers, parts, logs, locks, views, limits, and nobody else's keys."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from pywasm_runtime.functions.errors import InvalidName, LimitExceeded, NotFound
from pywasm_runtime.functions.model import Failure
from pywasm_runtime.storage import Storage
from tests.integration.functions import USER, Functions
from tests.integration.waiting import begin, end, outcome, output_of, until, worker_of

# The input says what to do; the output is what came of it, in JSON, or the name of the error.
STATE = """
import json, pywasm_host as host

def faasm_main(content):
    request = json.loads(content)
    given = request["with"].items()
    arguments = {name: item.encode("latin-1") if name == "content" else item for name, item in given}
    try:
        result = getattr(host, request["do"])(**arguments)
    except host.HostError as error:
        result = {"error": type(error).__name__, "message": str(error)}
    shown = result.decode("latin-1") if isinstance(result, bytes) else result
    host.write_output_json([item.decode("latin-1") for item in result] if isinstance(result, list) else shown)
"""


class User:
    """Do things with the state of one user, each in a call of its own."""

    def __init__(self, functions: Functions, name: str, **limits: int) -> None:
        self.functions = functions
        self.name = name
        functions.upload("state", STATE, user=name, **limits)

    def do(self, what: str, **arguments: object) -> object:
        shown = {key: item.decode("latin-1") if isinstance(item, bytes) else item for key, item in arguments.items()}
        request = json.dumps({"do": what, "with": shown}).encode()
        return json.loads(self.functions.output("state", request, user=self.name))

    def fails(self, what: str, **arguments: object) -> str:
        """Give the name of the error that something ends with."""
        result = self.do(what, **arguments)
        assert isinstance(result, dict), f"{what} gave {result!r}"
        return str(result["error"])

    def pushed(self, key: str) -> bytes:
        """Give what the global tier has."""
        return self.functions.wait(self.functions.service.read_state(self.name, key))


@pytest.fixture(scope="module")
def user(functions: Functions) -> Iterator[User]:
    yield User(functions, "state-user")


def test_what_is_written_is_global_after_a_push(user: User) -> None:
    user.do("write_state", key="two tiers", content=b"local\0\xff")
    assert user.do("read_state", key="two tiers") == "local\0\xff", "another call of this machine sees it"
    with pytest.raises(NotFound):
        user.pushed("two tiers")
    user.do("push_state", key="two tiers")
    assert user.pushed("two tiers") == b"local\0\xff"
    user.do("write_state", key="two tiers", content=b"later")
    assert user.pushed("two tiers") == b"local\0\xff"
    user.do("pull_state", key="two tiers")
    assert user.do("read_state", key="two tiers") == "local\0\xff"


def test_what_is_written_from_outside_is_seen_after_a_pull(user: User) -> None:
    write = user.functions.service.write_state
    user.functions.wait(write(user.name, "outside", b"first"))
    assert user.do("read_state", key="outside") == "first", "what is not here is fetched"
    user.functions.wait(write(user.name, "outside", b"the second"))
    assert user.do("read_state", key="outside") == "first"
    user.do("pull_state", key="outside")
    assert (user.do("read_state", key="outside"), user.do("state_size", key="outside")) == ("the second", 10)


def test_parts(user: User) -> None:
    user.do("write_state_range", key="parts", offset=70_000, content=b"end")
    assert user.do("state_size", key="parts") == 70_003
    user.do("write_state_range", key="parts", offset=0, content=b"begin")
    assert user.do("read_state_range", key="parts", offset=0, length=7) == "begin\0\0"
    assert user.do("read_state_range", key="parts", offset=69_999, length=100) == "\0end"
    assert user.do("read_state_range", key="parts", offset=1 << 30, length=100) == ""
    user.do("push_state", key="parts")
    user.do("write_state_range", key="parts", offset=2, content=b"XXX")
    user.do("push_state", key="parts", offset=3, length=1)
    assert user.pushed("parts")[:6] == b"begXn\0"
    assert len(user.pushed("parts")) == 70_003


def test_ranges_that_are_none(user: User) -> None:
    assert user.fails("write_state_range", key="ranges", offset=(1 << 32) - 1, content=b"x") == "LimitExceeded"
    assert user.fails("read_state_range", key="no such", offset=0, length=1) == "NotFound"
    assert user.fails("push_state", key="no such") == "NotFound"
    assert user.fails("pull_state", key="no such") == "NotFound"
    assert user.fails("state_size", key="no such") == "NotFound"


def test_the_log_of_a_key(user: User) -> None:
    entries = [b"one", b"", b"\0\xff" * 3, bytes(70_000)]
    for entry in entries:
        user.do("append_state", key="log", content=entry)
    assert user.do("read_appended", key="log") == [entry.decode("latin-1") for entry in entries]
    assert user.do("read_appended", key="log", count=2) == ["one", ""]
    assert user.fails("read_state", key="log") == "NotFound", "it is no part of the value"
    user.do("clear_appended", key="log")
    assert user.do("read_appended", key="log") == []


def test_a_key_is_deleted_in_both_tiers(user: User) -> None:
    for step in ("write_state", "append_state"):
        user.do(step, key="gone", content=b"x")
    user.do("push_state", key="gone")
    user.do("delete_state", key="gone")
    assert user.fails("read_state", key="gone") == "NotFound"
    assert user.do("read_appended", key="gone") == []
    with pytest.raises(NotFound):
        user.pushed("gone")


COUNTER = """
import time, pywasm_host as host

def faasm_main():
    for _ in range(5):
        with host.lock_state("counter"):
            count = int(host.read_state("counter"))
            for _ in range(10_000): pass  # long enough for others to come between
            host.write_state("counter", b"%d" % (count + 1))

def careless():
    count = int(host.read_state("careless"))
    host.append_state("careless", b"has read")
    while len(host.read_appended("careless")) < 2: time.sleep(0.005)
    host.write_state("careless", b"%d" % (count + 1))

def set(key): host.write_state(key.decode(), b"0")
def get(key): host.write_output(host.read_state(key.decode()))

def hold():
    with host.lock_state("held"):
        host.append_state("held", b"%d" % host.attempt())
        while host.attempt() == 1: time.sleep(0.01)

def stubborn():
    with host.lock_state("stubborn"):
        while True:
            try:
                while True: pass
            except BaseException: pass

def take(key):
    began = time.time()
    with host.lock_state(key.decode()): pass
    host.write_output_json(time.time() - began)

def shared(number):
    with host.lock_state("shared", shared=True):
        host.append_state("shared", number)
        while len(host.read_appended("shared")) < 2: time.sleep(0.005)

def nested():
    with host.lock_state("nested"), host.lock_state("nested"), host.lock_state("nested", shared=True): pass
    try: host.chain(take, b"nested").output()
    finally: host.write_output(b"free")

def held(key):
    host.write_output(b",".join(host.read_appended(key.decode())))
"""


@pytest.fixture(scope="module")
def counter(functions: Functions) -> str:
    functions.upload("counter", COUNTER)
    functions.upload("stubborn", COUNTER, entry="stubborn", cpu_seconds=1.5)
    return "counter"


def test_a_counter_under_a_lock_is_exact(functions: Functions, counter: str) -> None:
    functions.output(counter, b"counter", entry="set")
    calls = [begin(functions, counter) for _ in range(8)]
    for call_id in calls:
        output_of(functions, call_id)
    assert functions.output(counter, b"counter", entry="get") == b"40"


def test_without_a_lock_one_is_lost(functions: Functions, counter: str) -> None:
    functions.output(counter, b"careless", entry="set")
    calls = [begin(functions, counter, entry="careless") for _ in range(2)]
    for call_id in calls:
        output_of(functions, call_id)
    assert functions.output(counter, b"careless", entry="get") == b"1"


def test_shared_locks_do_not_exclude_each_other(functions: Functions, counter: str) -> None:
    calls = [begin(functions, counter, b"%d" % number, entry="shared") for number in range(2)]
    for call_id in calls:
        output_of(functions, call_id)


def test_a_lock_taken_twice_is_released_as_often(functions: Functions, counter: str) -> None:
    assert functions.output(counter, entry="nested") == b"free"


def test_a_lock_is_free_when_its_holder_is_killed(functions: Functions, counter: str) -> None:
    holder = begin(functions, counter, entry="hold")
    until(lambda: functions.output(counter, b"held", entry="held") == b"1")
    waiting = begin(functions, counter, b"held", entry="take")
    begun = time.monotonic()
    os.kill(worker_of(functions, holder), signal.SIGKILL)
    output_of(functions, waiting)
    assert time.monotonic() - begun < 5, "long before the lease ends"
    assert end(functions, holder).attempt == 2


def test_a_lock_is_free_when_its_holder_is_ended_by_a_limit(functions: Functions, counter: str) -> None:
    holder = begin(functions, "stubborn")
    ended = outcome(end(functions, holder))
    assert ended.failure is Failure.CPU_TIME
    assert json.loads(functions.output(counter, b"stubborn", entry="take")) < 5, "long before the lease ends"


VIEW = """
import time, numpy as np, pywasm_host as host

def faasm_main(content):
    key, size = content.split()
    with host.state_view(key.decode(), int(size)) as view:
        assert view.nbytes == int(size)
        before = bytes(view)
        view[0], view[int(size) - 1] = 1, 2
    host.write_output(before)

def ping():
    with host.state_view("shared view", 3) as view:
        view[0] = 1
        while not view[1]: time.sleep(0.002)
        view[2] = 3

def pong():
    with host.state_view("shared view", 3) as view:
        while not view[0]: time.sleep(0.002)
        view[1] = 2

def numbers(content):
    with host.state_view("numbers", 8 * int(content)) as view:
        array = np.frombuffer(view, np.float64)
        array += np.arange(len(array))
        del array

def failing():
    with host.state_view("failing", 4) as view:
        view[:] = b"kept"
        raise ValueError("on purpose")

def two():
    with host.state_view("one", 5) as one, host.state_view("other", 70_000) as other:
        one[:] = b"first"
        other[-6:] = b"second"
        assert (bytes(host.read_state("one")), host.read_state("other")[-6:]) == (b"first", b"second")

def unknown():
    with host.state_view("never written"): pass

def large(size):
    with host.state_view("large", int(size)): pass

def after():
    with host.state_view("after", 10) as view:
        array = np.frombuffer(view, np.uint8)
        view[:] = b"0123456789"
        host.write_state("after", b"other")
        assert bytes(view) == b"0123456789", "the old value is apart from the new one"
    assert host.read_state("after") == b"other"
    assert array[3] == ord("3")
"""


@pytest.fixture(scope="module")
def view(functions: Functions) -> User:
    user = User(functions, "view-user")
    functions.upload("view", VIEW, user=user.name)
    functions.upload("small", VIEW, user=user.name, state_bytes=1_000_000)
    return user


@pytest.mark.parametrize("size", [2, 10, 4095, 4097, 65535, 65536, 65537, 200_001])
def test_a_view_changes_the_value(view: User, size: int) -> None:
    key = f"odd{size}"
    assert view.functions.output("view", f"{key} {size}".encode(), user=view.name) == bytes(size)
    changed = b"\1" + bytes(size - 2) + b"\2"
    assert view.do("read_state", key=key) == changed.decode("latin-1")
    assert view.do("state_size", key=key) == size
    assert view.functions.output("view", f"{key} {size}".encode(), user=view.name) == changed
    view.do("push_state", key=key)
    assert view.pushed(key) == changed


def test_two_calls_that_view_a_value_see_each_others_writes(view: User) -> None:
    calls = [begin(view.functions, "view", user=view.name, entry=entry) for entry in ("ping", "pong")]
    for call_id in calls:
        output_of(view.functions, call_id)
    assert view.do("read_state", key="shared view") == "\1\2\3"


def test_an_array_over_a_view(view: User) -> None:
    import struct

    for _ in range(2):
        view.functions.output("view", b"10000", user=view.name, entry="numbers")
    value = str(view.do("read_state", key="numbers")).encode("latin-1")
    assert struct.unpack("<10000d", value) == tuple(2.0 * number for number in range(10_000))


def test_a_view_is_written_back_after_an_exception(view: User) -> None:
    ended = outcome(view.functions.call("view", user=view.name, entry="failing"))
    assert ended.error == "ValueError: on purpose"
    assert view.do("read_state", key="failing") == "kept"


@pytest.mark.parametrize("entry", ["two", "after"])
def test_views_and_the_rest(view: User, entry: str) -> None:
    view.functions.output("view", user=view.name, entry=entry)


def test_views_that_cannot_be(view: User) -> None:
    def error(name: str, entry: str, content: bytes = b"") -> str:
        return outcome(view.functions.call(name, content, user=view.name, entry=entry)).error.split(":")[0]

    assert error("view", "unknown") == "NotFound"
    assert error("small", "large", b"2000000") == "LimitExceeded"
    assert error("view", "large", b"4294967295") in ("MemoryError", "LimitExceeded")
    assert error("view", "large", b"5000000000") == "ValueError"
    assert view.fails("state_size", key="large") == "NotFound"


def test_the_state_of_a_user_is_limited(functions: Functions) -> None:
    user, other = User(functions, "greedy", state_bytes=100_000), User(functions, "modest", state_bytes=100_000)
    user.do("write_state", key="a", content=bytes(60_000))
    assert user.fails("write_state", key="b", content=bytes(60_000)) == "LimitExceeded"
    assert user.fails("write_state_range", key="a", offset=100_000, content=b"x") == "LimitExceeded"
    assert user.fails("state_size", key="b") == "NotFound", "nothing of what was refused is there"
    assert user.do("state_size", key="a") == 60_000
    other.do("write_state", key="b", content=bytes(60_000))
    user.do("delete_state", key="a")
    user.do("write_state", key="b", content=bytes(60_000))
    user.do("append_state", key="log", content=bytes(60_000))
    assert user.fails("append_state", key="log", content=bytes(60_000)) == "LimitExceeded"
    user.do("clear_appended", key="log")
    user.do("append_state", key="log", content=bytes(60_000))
    with pytest.raises(LimitExceeded):
        functions.wait(functions.service.write_state("greedy", "huge", bytes(300 << 20)))


def test_nobody_gets_at_anothers_keys(functions: Functions) -> None:
    owner, thief = User(functions, "owner"), User(functions, "thief")
    owner.do("write_state", key="secret", content=b"mine")
    owner.do("push_state", key="secret")
    owner.do("append_state", key="secret", content=b"mine")
    guesses = [
        "secret", "owner/secret", "owner secret", "owner_secret", "../owner/secret", "../../owner/secret", "/secret",
        "..", "/etc/passwd", "../../../../../../../etc/passwd", "%2e%2e/owner/secret", "./secret", "secret/",
        "owner:secret",
    ]  # fmt: skip
    for key in guesses:
        for reading in ("read_state", "state_size", "pull_state", "push_state"):
            assert thief.fails(reading, key=key) == "NotFound", key
        assert thief.do("read_appended", key=key) == []
        thief.do("write_state", key=key, content=b"taken")
        thief.do("push_state", key=key)
        thief.do("append_state", key=key, content=b"taken")
        thief.do("delete_state", key=key)
    for key in ("secret\0", "\0", "a\nb", "", "x" * 513, "\x7f"):
        assert thief.fails("read_state", key=key) == "InvalidRequest", key
        assert thief.fails("write_state", key=key, content=b"x") == "InvalidRequest", key
        with pytest.raises(InvalidName):
            functions.wait(functions.service.read_state("thief", key))
    assert (owner.do("read_state", key="secret"), owner.do("read_appended", key="secret")) == ("mine", ["mine"])
    assert owner.pushed("secret") == b"mine"


def test_locks_of_users_are_apart(functions: Functions, counter: str) -> None:
    with Storage(functions.folder) as storage:
        assert storage.locks.acquire("somebody-else", "apart", "their call", True, 60.0)
        assert json.loads(functions.output(counter, b"apart", entry="take")) < 5
        storage.locks.release_all("their call")
    assert USER != "somebody-else"


def test_the_folder_of_state_has_no_names_of_users_or_keys(user: User) -> None:
    user.do("write_state", key="../../../escaped", content=b"x")
    state = user.functions.folder / "state"
    names = [path.relative_to(state).as_posix() for path in state.rglob("*")]
    assert names
    assert all(set(name) <= set("0123456789abcdef/") for name in names if not name.endswith(".usage")), names
    assert not list(user.functions.folder.parent.rglob("*escaped*"))
