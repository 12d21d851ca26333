"""What a function sees in native Python is what it sees on the host: the same calls to both, the same answers.

Between the host's answers and the function lies the binding, with a guest's memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywasm_host.errors import HostError, error_for
from pywasm_host.local_backend import LocalCall, World, find_entry
from pywasm_runtime.functions.call_host import CallContext, CallHost
from pywasm_runtime.functions.call_line import ChildEnding
from pywasm_runtime.functions.model import Call, CallState, Failure, FunctionSettings, FunctionVersion
from pywasm_runtime.functions.state_access import StateAccess, WorkerStorage
from tests.unit.guest_memory import FakeGuest, Refused

USER = "tester"
IDS = ("1" * 32, "2" * 32)
CONFIG = {"colour": "blü"}


class ChildrenThatFail:
    """Accept every chained call; each ends with the status 3."""

    def chain(self, ordinal: int, function: str, entry: str, content: bytes) -> None:
        pass

    def await_child(self, ordinal: int, *, output: bool) -> ChildEnding:
        failure, error = Failure.STATUS, "the entry returned the status 3"
        return ChildEnding(status=3, failure=failure, error=error, traceback="", output=b"")

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def hold_locks(self) -> None:
        pass


class Hosts:
    """Make calls of the real host and of the native one, a pair of both for each user."""

    def __init__(self, folder: Path) -> None:
        self.storage = WorkerStorage(folder / "data", folder / "local")
        self._users = 0

    def real(self, user: str, call_id: str) -> FakeGuest:
        call = Call(
            id=call_id,
            user=user,
            function="f",
            version=1,
            entry="faasm_main",
            input=b"in\0put",
            state=CallState.RUNNING,
            created=0.0,
        )
        settings = FunctionSettings(config=CONFIG)
        function = FunctionVersion(user=user, name="f", version=1, digest="0" * 64, settings=settings, created=0.0)
        deadline = time.monotonic() + 60
        state = StateAccess(self.storage, user=user, holder=call_id, limit_bytes=1 << 24, deadline=deadline)
        return FakeGuest(CallHost(CallContext(call=call, function=function, module="f"), ChildrenThatFail(), state))

    def pairs(self) -> list[tuple[FakeGuest, LocalCall]]:
        """Give two calls of a new user, each on both hosts."""
        self._users += 1
        world = World(user=f"{USER}{self._users}", config=CONFIG)
        native = [LocalCall(world, call_id, find_entry(failing), b"in\0put") for call_id in IDS]
        return [(self.real(world.user, call.id), call) for call in native]


def failing() -> int:
    return 3


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    made = Hosts(tmp_path_factory.mktemp("hosts"))
    yield made
    made.storage.close()


def from_host(guest: FakeGuest, name: str, arguments: tuple[Any, ...] = ()) -> Any:
    try:
        return guest.call(name, *arguments)
    except Refused as refused:
        return type(error_for(refused.code, refused.message))


def in_python(call: LocalCall, name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(call, name)(*arguments) or (b"" if name.startswith("read") else 0)
    except HostError as error:
        return type(error)


KEYS = st.sampled_from(("a", "b", "ü/../b"))
STRANGE_KEYS = st.one_of(KEYS, st.sampled_from(("", "x" * 513, "a\0", "a\n", "ü" * 256, "ü" * 257)))
CONTENT = st.one_of(st.binary(max_size=20), st.sampled_from((bytes(70_000), b"x" * 65_536)))
NUMBERS = st.one_of(st.integers(0, 30), st.sampled_from((65_536, 70_000)))


def steps(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


STATE = st.one_of(
    steps("state_size", STRANGE_KEYS),
    steps("read_state", STRANGE_KEYS),
    steps("read_state_range", KEYS, NUMBERS, NUMBERS),
    steps("write_state", STRANGE_KEYS, CONTENT),
    steps("write_state_range", KEYS, NUMBERS, NUMBERS, CONTENT),
    steps("push_state", KEYS),
    steps("push_state_range", KEYS, NUMBERS, NUMBERS),
    steps("pull_state", STRANGE_KEYS),
    steps("delete_state", STRANGE_KEYS),
    steps("append_state", STRANGE_KEYS, CONTENT),
    steps("read_appended", STRANGE_KEYS, st.integers(0, 3)),
    steps("clear_appended", STRANGE_KEYS),
    steps("lock_state", KEYS, st.integers(0, 1), st.just(0)),
    steps("unlock_state", KEYS),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.tuples(st.integers(0, 1), STATE), max_size=25))
def test_state_and_locks(hosts: Hosts, script: list[tuple[int, tuple[str, tuple[Any, ...]]]]) -> None:
    pairs = hosts.pairs()
    for which, (name, arguments) in script:
        guest, native = pairs[which]
        assert from_host(guest, name, arguments) == in_python(native, name, arguments), (which, name, arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_input", ()),
        ("config", ("colour",)),
        ("config", ("none",)),
        ("write_output", (b"\0",)),
        ("log", (20, "text")),
        ("call_id", (0,)),
        ("await_call", (0,)),
        ("await_output", (0,)),
        ("map_state", ("k", 65536, 65536)),
        ("chain", ("someone-else/f", "", b"")),
    ],
)
def test_all_else(hosts: Hosts, name: str, arguments: tuple[Any, ...]) -> None:
    ((guest, native), _) = hosts.pairs()
    assert from_host(guest, name, arguments) == in_python(native, name, arguments)


def test_a_child_that_fails(hosts: Hosts) -> None:
    ((guest, native), _) = hosts.pairs()
    for name, arguments in (("chain", ("", "failing", b"x")), ("call_id", (0,)), ("await_output", (0,))):
        assert from_host(guest, name, arguments) == in_python(native, name, arguments)
    assert json.loads(from_host(guest, "await_call", (0,))) == json.loads(native.await_call(0))


def test_what_is_said_of_the_call(hosts: Hosts) -> None:
    ((guest, native), _) = hosts.pairs()
    real, local = json.loads(from_host(guest, "call_information")), json.loads(native.call_information())
    assert set(local) <= set(real)
    for name in ("id", "user", "version", "depth"):
        assert real[name] == local[name]
    assert abs(real["deadline"] - local["deadline"]) < 30
