"""Calling functions in native Python: the same contract as in the sandbox, chained calls, ids, configuration, state."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import pywasm_host as host
from pywasm_host.testing import World, call


def module(name: str, source: str) -> ModuleType:
    """Make a module of a text; it is not among those that were imported."""
    made = ModuleType(name)
    exec(source, vars(made))
    return made


def upper(data: bytes) -> None:
    host.write_output(data.upper())


def fails(data: bytes) -> None:
    host.write_output(b"so far")
    raise ValueError(f"not {data!r}")


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments)

    return wrapper


@decorated
def lower(data: bytes) -> None:
    host.write_output(data.lower())


def test_input_and_output_are_exact() -> None:
    def entry() -> None:
        host.write_output(b"earlier")
        host.write_output(host.read_input())

    content = bytes(range(256)) + b"\0"
    assert call(entry, content).output == content
    assert call(entry, "ü").output == "ü".encode()
    assert call(entry).output == b""


@pytest.mark.parametrize(("value", "written"), [("text", '"text"'), ({"a": [1, None]}, '{"a": [1, null]}')])
def test_json(value: object, written: str) -> None:
    def entry() -> None:
        host.write_output_json(host.read_input_json())

    assert call(entry, written).output == written.encode()


def test_text_and_pickle() -> None:
    def entry() -> None:
        host.write_output_pickle({host.read_input_text(): 1})

    def unpickle() -> None:
        host.write_output_text(str(host.read_input_pickle()))

    assert call(unpickle, call(entry, "ä").output).output == b"{'\xc3\xa4': 1}"


def test_an_output_that_is_no_bytes() -> None:
    result = call(lambda: host.write_output("text"))  # type: ignore[arg-type]
    assert result.error == "TypeError: the output must be bytes, not str; write_output_text takes text"


def test_a_failure_keeps_the_output_and_has_a_traceback() -> None:
    result = call(fails, b"x")
    assert (result.status, result.failure, result.output) == (1, "exception", b"so far")
    assert result.error == "ValueError: not b'x'"
    assert "in fails" in result.traceback
    assert "entry.py" not in result.traceback


def test_chained_calls_have_ids_and_results_in_order() -> None:
    def entry() -> None:
        first, second = host.chain(upper, b"a"), host.chain(fails, b"b")
        assert (first.number, second.number) == (0, 1)
        assert first.id == host.call_id() + ".0"
        assert second.wait() == host.await_call(1)
        assert second.wait().failure == "exception"
        host.write_output(first.output())

    entry_module = entry.__globals__
    assert entry_module is upper.__globals__
    result = call(entry)
    assert result.output == b"A", result.traceback
    assert [child.id for child in result.children] == [f"{result.id}.0", f"{result.id}.1"]
    assert [child.status for child in result.children] == [0, 1]


def test_the_output_of_a_failed_child_raises_with_its_traceback() -> None:
    def entry() -> None:
        host.await_output(host.chain(fails, b"b"))

    result = call(entry)
    assert result.error.startswith("CallFailed: call 00000000000000000000000000000001.0 failed (exception): ValueError")
    assert "in fails" in result.traceback


def test_a_child_that_nobody_waits_for_runs_too() -> None:
    def entry() -> None:
        host.chain(upper, b"a")

    assert [child.output for child in call(entry).children] == [b"A"]


def test_a_parent_and_its_child_have_their_own_input() -> None:
    def entry() -> None:
        host.write_output(host.chain(upper, b"child").output() + host.read_input() + host.call_id()[-2:].encode())

    assert call(entry, b"parent").output == b"CHILDparent01"


def test_a_decorated_function_can_be_chained() -> None:
    def entry() -> None:
        host.write_output(host.chain(lower, b"ABC").output())

    assert call(entry).output == b"abc"


@pytest.mark.parametrize(
    "wrong",
    [lambda data: None, str.upper, functools.partial(upper), World().next_id, (lambda: lambda: None)(), print],
    ids=["lambda", "method of a type", "partial", "method", "nested", "built in"],
)
def test_what_cannot_be_chained(wrong: Any) -> None:
    assert call(lambda: host.chain(wrong)).error.startswith("TypeError: ")


def test_a_nested_function_is_named() -> None:
    def entry() -> None:
        def nested(data: bytes) -> None:
            pass

        host.chain(nested)

    error = call(entry).error
    assert "nested" in error
    assert "cannot be chained: only a function at the top of this module can, by its name" in error


def test_other_functions_by_name() -> None:
    other = module(
        "other", "import pywasm_host as h\ndef faasm_main(x): h.write_output(x * 2)\ndef more(x): return 7\n"
    )

    def entry() -> None:
        assert host.chain("other", b"1").output() == b"11"
        assert host.chain("tester/other", b"2").output() == b"22"
        assert host.chain("other", entry="more").wait().status == 7
        assert host.chain("alone", b"a").output() == b"A"

    result = call(entry, functions={"other": other, "alone": upper})
    assert result.traceback == ""


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("nothing", None, "NotFound: there is no function 'nothing'"),
        ("someone/other", None, "AccessDenied: 'someone/other' is another user's function"),
        ("other", "missing", "NotFound: the function 'other' has no entry 'missing'"),
    ],
)
def test_functions_that_are_not_there(name: str, entry: str | None, message: str) -> None:
    result = call(lambda: host.chain(name, entry=entry), functions={"other": upper})
    assert result.error.startswith(message)


def test_chaining_has_an_end() -> None:
    source = "import pywasm_host as h\ndef faasm_main(x=b''): h.await_output(h.chain(faasm_main))\n"
    endless = module("endless", source)
    result = call(endless)
    while result.children:
        (result,) = result.children
    assert result.id.count(".") == 16
    assert result.error == "LimitExceeded: a call at depth 16 may chain no further: that is the limit"


def test_a_call_that_was_not_chained_cannot_be_awaited() -> None:
    assert (
        "NotFound: this call has chained no call with number 3; it has chained 0"
        in call(lambda: host.await_call(3)).error
    )


def test_a_module_and_its_entries() -> None:
    made = module("some.made", "import pywasm_host as h\ndef faasm_main(): return 3\ndef b(x): h.write_output(x)\n")
    assert call(made).status == 3
    assert call(made, b"x", entry="b").output == b"x"
    assert call(made.b, b"x").output == b"x"
    assert call(made.b, entry="faasm_main").status == 3
    with pytest.raises(host.NotFound, match="the function 'made' has no entry 'c'"):
        call(made, entry="c")


def test_configuration_and_information() -> None:
    def entry() -> None:
        assert host.config("a") == "b"
        assert host.config("c", None) is None
        assert (host.user(), host.function_name(), host.attempt()) == ("tester", __name__.rpartition(".")[2], 1)
        assert 50 < host.remaining() <= 60
        host.config("c")

    result = call(entry, config={"a": "b"})
    assert result.error == "NotFound: the function has no configuration 'c'"


def test_a_world_is_shared_by_calls() -> None:
    def entry() -> None:
        host.append_state("seen", host.call_id().encode())

    world = World()
    first, second = call(entry, world=world), call(entry, world=world)
    assert first.id != second.id
    assert [entry.decode() for entry in second.state.appended["seen"]] == [first.id, second.id]
    assert call(entry).id == first.id
    with pytest.raises(TypeError, match="the world's"):
        call(entry, world=world, config={})


def test_log() -> None:
    def entry() -> None:
        host.log("one")
        host.log(2, level="warning")
        host.log("3", 5)

    assert call(entry).log == ((20, "one"), (30, "2"), (5, "3"))
    assert call(lambda: host.log("x", level="loud")).error.startswith("ValueError: 'loud' is no level")


def test_a_lock_of_another_call_is_not_waited_for() -> None:
    result = call(module("locks", LOCKS))
    assert result.traceback == ""
    assert result.children[0].error.startswith("LockTimeout: the state key 'k' stayed locked by others until the call")
    assert result.children[1].error == "LockTimeout: the state key 'k' stayed locked by others for 0.5 s"
    assert result.children[2].status == 0


LOCKS = """
import pywasm_host as host

def needs(timeout):
    with host.lock_state("k", timeout=float(timeout) if timeout else None):
        pass

def faasm_main():
    with host.lock_state("k"):
        host.chain(needs).wait()
        host.chain(needs, b"0.5").wait()
        with host.lock_state("k", shared=True):  # again by the same call
            pass
    host.chain(needs).wait()
"""


def test_locks_of_a_call_end_with_it() -> None:
    def entry() -> None:
        host.lock_state("k").__enter__()

    world = World()
    assert [call(entry, world=world).status for _ in range(2)] == [0, 0]


def test_there_is_no_host_outside_of_a_call() -> None:
    with pytest.raises(host.HostUnavailable, match=r"pywasm_host.testing.call"):
        host.read_input()
    call(upper)
    with pytest.raises(host.HostUnavailable):
        host.read_input()


def test_an_interruption_from_the_keyboard_is_no_result() -> None:
    def entry() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(entry)
    with pytest.raises(host.HostUnavailable):
        host.call_id()


def test_leaving_by_sys_exit() -> None:
    assert call(lambda: sys.exit(3)).status == 3
    assert call(lambda: sys.exit()).failure == ""
