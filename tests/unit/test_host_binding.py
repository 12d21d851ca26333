"""The host's half of the host calls: whatever a guest passes, it gets a result or an error, and we go on."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_host.abi import HOST_FUNCTIONS, ErrorCode, HostFunction, Kind, Result
from pywasm_host.local_backend import LocalCall
from pywasm_runtime.functions.call_host import CallHost
from pywasm_runtime.functions.end_call import EndCall
from pywasm_runtime.functions.errors import (
    Busy,
    CallFailed,
    Denied,
    FunctionError,
    InvalidName,
    LimitExceeded,
    NotFound,
    StorageError,
    Unavailable,
    UploadRefused,
)
from pywasm_runtime.functions.host_binding import MAX_ARGUMENT_BYTES
from pywasm_runtime.functions.model import Failure
from tests.unit.guest_memory import FUNCTIONS, FakeGuest, Refused

OWN = {"take", "error"}
BOUND = [function for function in HOST_FUNCTIONS if function.name not in OWN]
MEMORY_BYTES = 1 << 18


class Target:
    """Answer every function of the table: note what was passed, and give `result` or raise it."""

    def __init__(self, result: Any = b"") -> None:
        self.result = result
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(*arguments: Any) -> Any:
            self.calls.append((name, *arguments))
            if isinstance(self.result, BaseException):
                raise self.result
            return self.result

        return answer


def sample(function: HostFunction) -> list[str | bytes | int]:
    values: dict[Kind, str | bytes | int] = {Kind.TEXT: "Größe/1", Kind.DATA: b"\0\xff\0", Kind.U32: 0xFFFFFFFF}
    return [values[parameter.kind] for parameter in function.parameters]


def good_result(function: HostFunction) -> Any:
    return {Result.DATA: b"a\0b", Result.NUMBER: 7, Result.NOTHING: None}[function.result]


# What goes through


@pytest.mark.parametrize("function", BOUND, ids=lambda function: function.name)
def test_arguments_and_results_are_exact(function: HostFunction) -> None:
    target = Target(good_result(function))
    assert FakeGuest(target).call(function.name, *sample(function)) == (good_result(function) or 0)
    assert target.calls == [(function.name, *sample(function))]


@pytest.mark.parametrize("content", [b"", b"\0", bytes(range(256)) * 100])
def test_bytes_are_exact_both_ways(content: bytes) -> None:
    target = Target(content)
    guest = FakeGuest(target)
    assert guest.call("read_input") == content
    guest.call("write_output", content)
    assert target.calls[-1] == ("write_output", content)


def test_an_address_does_not_matter_if_there_is_nothing_there() -> None:
    target = Target()
    assert FakeGuest(target).raw("write_output", 0xFFFFFFFF, 0) == 0
    assert target.calls == [("write_output", b"")]


def test_bytes_like_results_are_given_as_bytes() -> None:
    assert FakeGuest(Target(bytearray(b"ab"))).call("read_input") == b"ab"


# What a guest may get wrong


@pytest.mark.parametrize("address", [MEMORY_BYTES, MEMORY_BYTES - 3, 0xFFFFFFFF])
def test_an_address_outside_of_the_memory(address: int) -> None:
    target = Target()
    guest = FakeGuest(target)
    assert guest.raw("write_output", address, 4) == -ErrorCode.INVALID
    said = guest.taken(guest.raw("error")).decode()
    assert said == f"write_output: 4 bytes at {address:#x} are not in the guest's memory"
    assert target.calls == []


@pytest.mark.parametrize("length", [MAX_ARGUMENT_BYTES + 1, 0xFFFFFFFF])
def test_a_huge_length_is_not_even_tried(length: int) -> None:
    guest = FakeGuest(Target())
    assert guest.raw("write_output", 0, length) == -ErrorCode.INVALID
    assert f"{length} bytes at once" in guest.taken(guest.raw("error")).decode()


@pytest.mark.parametrize("text", [b"\xff", b"a\xc3", b"\xed\xa0\x80"])
def test_a_text_that_is_no_text(text: bytes) -> None:
    target = Target()
    with pytest.raises(Refused) as caught:
        FakeGuest(target).call("state_size", text)
    assert (caught.value.code, caught.value.message) == (ErrorCode.INVALID, "state_size: a text that is not UTF-8")
    assert target.calls == []


def test_taking_to_a_wrong_address() -> None:
    guest = FakeGuest(Target(b"abc"))
    assert guest.raw("read_input") == 3
    assert guest.raw("take", MEMORY_BYTES - 1, 3) == -ErrorCode.INVALID


def test_taking_more_less_or_nothing() -> None:
    guest = FakeGuest(Target(b"abc"))
    guest.raw("read_input")
    assert guest.raw("take", 100, 0xFFFFFFFF) == 0
    assert guest.memory.content[100:104] == b"abc\0"
    guest.raw("read_input")
    assert guest.raw("take", 200, 2) == 0
    assert guest.memory.content[200:204] == b"ab\0\0"
    assert guest.raw("take", 300, 3) == 0  # the hand is empty by now
    assert guest.memory.content[300:304] == bytes(4)


WORDS = st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 300), st.sampled_from((MEMORY_BYTES - 1, MEMORY_BYTES)))


@given(
    calls=st.lists(st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(WORDS, min_size=6, max_size=6)), max_size=20),
    result=st.one_of(st.binary(), st.integers(), st.none(), st.floats(), st.sampled_from((NotFound("x"), OSError()))),
    content=st.binary(max_size=300),
)
def test_random_words_give_results_or_errors(
    calls: list[tuple[str, list[int]]], result: object, content: bytes
) -> None:
    logging.disable()
    try:
        guest = FakeGuest(Target(result))
        guest.memory.content[: len(content)] = content
        for name, words in calls:
            given_back = guest.raw(name, *words[: FUNCTIONS[name].wasm_parameters])
            assert type(given_back) in (int, ErrorCode)
            assert -max(ErrorCode) <= given_back < 1 << 31
    finally:
        logging.disable(logging.NOTSET)


# What the target may raise


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidName("no"), ErrorCode.INVALID),
        (NotFound("no"), ErrorCode.NOT_FOUND),
        (LimitExceeded("no"), ErrorCode.LIMIT),
        (Denied("no"), ErrorCode.DENIED),
        (Busy("no"), ErrorCode.BUSY),
        (CallFailed("no"), ErrorCode.CALL_FAILED),
        (Unavailable("no"), ErrorCode.UNAVAILABLE),
        (StorageError("no"), ErrorCode.INTERNAL),
        (UploadRefused("no"), ErrorCode.INTERNAL),
        (FunctionError("no"), ErrorCode.INTERNAL),
    ],
)
def test_each_error_has_its_code_and_message(error: FunctionError, code: ErrorCode) -> None:
    with pytest.raises(Refused) as caught:
        FakeGuest(Target(error)).call("read_state", "k")
    assert (caught.value.code, caught.value.message) == (code, "no")


def test_a_message_of_any_characters_and_length() -> None:
    for message in ("Größe \ud800", "x" * 1_000_000):
        with pytest.raises(Refused) as caught:
            FakeGuest(Target(NotFound(message))).call("read_state", "k")
        assert 0 < len(caught.value.message) <= 1 << 16


@pytest.mark.parametrize("error", [RuntimeError("secret path"), RecursionError(), MemoryError()])
def test_a_defect_of_ours_is_logged_and_says_nothing(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Refused) as caught:
        FakeGuest(Target(error)).call("push_state", "k")
    assert caught.value.code == ErrorCode.INTERNAL
    assert caught.value.message == f"push_state: internal error: {type(error).__name__}"
    assert "the host function push_state failed" in caplog.text


@pytest.mark.parametrize("result", [None, "text", 1 << 40])
def test_a_result_that_is_no_bytes_leaves_the_hand_as_it_can_be_taken(
    result: object, caplog: pytest.LogCaptureFixture
) -> None:
    guest = FakeGuest(Target(result))
    assert guest.raw("read_input") == -ErrorCode.INTERNAL
    assert guest.raw("take", 0, 10) == 0


@pytest.mark.parametrize("number", [-1, 1 << 31, 1 << 40])
def test_a_number_that_an_i32_cannot_hold(number: int) -> None:
    with pytest.raises(Refused) as caught:
        FakeGuest(Target(number)).call("state_size", "k")
    assert caught.value.code == ErrorCode.INTERNAL
    assert str(number) in caught.value.message


@pytest.mark.parametrize("error", [EndCall(Failure.OUTPUT, "too much"), KeyboardInterrupt(), SystemExit()])
def test_what_ends_the_call_passes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        FakeGuest(Target(error)).call("write_output", b"x")
    assert caught.value is error


def test_the_message_stays_until_the_next_error() -> None:
    target = Target(NotFound("first"))
    guest = FakeGuest(target)
    guest.raw("read_input")
    target.result = b"ok"
    assert guest.call("read_input") == b"ok"
    assert guest.taken(guest.raw("error")) == b"first"


# The table, and those who answer


def test_only_functions_of_the_table_are_bound() -> None:
    binding = FakeGuest(Target()).binding
    assert all(callable(binding.body(function.name)) for function in HOST_FUNCTIONS)
    with pytest.raises(KeyError):
        binding.body("__init__")


@pytest.mark.parametrize("answering", [CallHost, LocalCall])
@pytest.mark.parametrize("function", BOUND, ids=lambda function: function.name)
def test_those_who_answer_have_every_function(function: HostFunction, answering: type) -> None:
    if function.name == "report" and answering is CallHost:
        assert not hasattr(CallHost, "report")  # the sandbox keeps what the runner says
        return
    parameters = list(inspect.signature(getattr(answering, function.name)).parameters.values())[1:]
    kinds = [parameter.annotation for parameter in parameters]
    python = {Kind.TEXT: str, Kind.DATA: bytes, Kind.U32: int}
    assert kinds == [python[parameter.kind] for parameter in function.parameters]
    given = inspect.signature(getattr(answering, function.name)).return_annotation
    assert given == {Result.DATA: bytes, Result.NUMBER: int, Result.NOTHING: None}[function.result]
