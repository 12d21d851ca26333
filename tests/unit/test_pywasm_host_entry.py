"""What an entry is given, and what its result and its exceptions mean."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from pywasm_host import DeadlineExceeded
from pywasm_host.entry import Ending, call_entry, takes_input


def ending(entry: Any) -> Ending:
    return call_entry(entry, lambda: b"input")


class Callable:
    def method(self, data: bytes) -> int:
        return len(data)

    def __call__(self) -> int:
        return 3


@functools.lru_cache
def cached(data: bytes) -> int:
    return len(data)


@pytest.mark.parametrize(
    ("entry", "takes"),
    [
        (lambda: 0, False),
        (lambda data: 0, True),
        (lambda data=b"": 0, True),
        (lambda *, data=b"": 0, False),
        (lambda *all: 0, False),
        (Callable().method, True),
        (Callable(), False),
        (cached, True),
        (functools.partial(lambda a, b: 0, 1), True),
    ],
)
def test_who_gets_the_input(entry: Any, takes: bool) -> None:
    assert takes_input(entry) is takes
    assert ending(entry).failure in ("", "status")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, Ending()),
        (0, Ending()),
        (7, Ending(7, "status", "the entry returned the status 7")),
        (-1, Ending(-1, "status", "the entry returned the status -1")),
    ],
)
def test_results(result: object, expected: Ending) -> None:
    assert ending(lambda: result) == expected


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (True, "TypeError: the entry returned bool; it may return None or an int, and gives data by write_output"),
        (b"data", "TypeError: the entry returned bytes"),
        ("0", "TypeError: the entry returned str"),
        (iter(()), "TypeError: the entry returned tuple_iterator"),
        (1 << 31, "ValueError: the status 2147483648 is no 32-bit number"),
    ],
)
def test_results_that_are_no_status(result: object, error: str) -> None:
    found = ending(lambda: result)
    assert (found.status, found.failure) == (1, "exception")
    assert found.error.startswith(error)


def raising(error: BaseException) -> Any:
    def entry() -> None:
        raise error

    return entry


@pytest.mark.parametrize(
    ("code", "status", "failure"),
    [(None, 0, ""), (0, 0, ""), (False, 0, ""), (3, 3, "status"), ("no", 1, "status"), (1 << 40, 1, "status")],
)
def test_leaving_by_exit(code: object, status: int, failure: str) -> None:
    found = ending(raising(SystemExit(code)))
    assert (found.status, found.failure) == (status, failure)
    assert ("no" in found.error) is (code == "no")


def recursive() -> None:
    recursive()


class Silent(Exception):
    def __str__(self) -> str:
        raise SystemExit(5)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (raising(KeyError("k")), "KeyError: 'k'"),
        (raising(ValueError("two\nlines")), "ValueError: two"),
        (raising(ValueError()), "ValueError"),
        (raising(ValueError("x" * 5000)), "ValueError: xxx"),
        (raising(MemoryError()), "MemoryError"),
        (raising(KeyboardInterrupt()), "KeyboardInterrupt"),
        (raising(DeadlineExceeded()), "DeadlineExceeded: the call's time is over"),
        (raising(ExceptionGroup("several", [ValueError("one")])), "ExceptionGroup: several"),
        (recursive, "RecursionError: maximum recursion depth exceeded"),
        (raising(Silent()), "Silent: its message cannot be made"),
        (raising(ValueError("\udc80")), "ValueError: \\udc80"),
    ],
)
def test_exceptions(entry: Any, error: str) -> None:
    found = ending(entry)
    assert (found.status, found.failure) == (1, "exception")
    assert found.error.startswith(error)
    assert len(found.error) <= 1000
    assert len(found.traceback) <= 1 << 16
    assert found.plain()["traceback"].encode()
    assert "call_entry" not in found.traceback


def test_a_traceback_begins_in_the_authors_code() -> None:
    def inner() -> None:
        raise ValueError("x")

    def entry() -> None:
        try:
            inner()
        except ValueError as error:
            raise KeyError("y") from error

    text = ending(entry).traceback
    assert text.startswith("Traceback (most recent call last):")
    assert "direct cause" in text
    assert text.index("in inner") < text.index("in entry", text.index("direct cause"))
    assert "entry.py" not in text.replace(__file__, "")


def test_a_coroutine_is_run() -> None:
    async def entry(data: bytes) -> int:
        return len(data)

    assert ending(entry).status == 5


def test_what_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        call_entry(raising(KeyboardInterrupt()), bytes, passing=(KeyboardInterrupt,))
