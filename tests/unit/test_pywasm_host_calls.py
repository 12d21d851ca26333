"""Input, output, chained calls, and what a call knows of itself."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

import pywasm_host as host
from pywasm_host.testing import World, call

ANY_BYTES = b"\0\xff any \r\n bytes \0"


# The entries below are what an author would write; the tests call them.


def echoes() -> None:
    host.write_output(host.read_input())


def says_more_than_once() -> int:
    host.write_output(b"a longer one")
    host.write_output(bytearray(b"last"))
    return 2


def reads_text_and_json() -> None:
    host.write_output_json([host.read_input_text(), host.read_input_json()])


def passes_objects() -> None:
    host.write_output_pickle({"seen": host.read_input_pickle()})


def chains() -> None:
    first, second = host.chain(child, b"one"), host.chain("calls", b"two", entry="child")
    host.write_output(b" ".join([second.output(), host.await_output(first), host.await_output(0), first.id.encode()]))


def child(content: bytes) -> None:
    host.write_output(content.upper())


def chains_a_failure() -> None:
    failed = host.chain(breaks, b"")
    status = failed.wait()
    assert (status.status, status.failure, status.error) == (1, "exception", "KeyError: 'lost'")
    failed.output()


def breaks() -> None:
    raise KeyError("lost")


def chains_others() -> None:
    user = host.user()
    calls = [host.chain("other", b"a"), host.chain(f"{user}/other", b"b"), host.chain("other", b"c", entry="child")]
    host.write_output(b" ".join(map(host.await_output, calls)))


def other(content: bytes) -> None:
    host.write_output(b"other " + content)


def describes_itself() -> None:
    about = [host.call_id(), host.user(), host.function_name(), host.attempt()]
    host.write_output_json([*about, 0 < host.remaining() <= 60, abs(host.deadline() - time.time()) < 61])


def reads_configuration() -> None:
    host.write_output_json([host.config("colour"), host.config("none", None), host.config("none", "red")])


def logs() -> None:
    host.log("plain")
    host.log(3.5, "ERROR")
    host.log("deep", 7)
    logger = logging.Logger("of the function")
    logger.addHandler(host.LogHandler())
    logger.warning("with %s", "arguments")


class Holder:
    def method(self) -> None:
        pass


def decorated_away() -> None:
    pass


plain_function = decorated_away
decorated_away = Holder().method


# Input and output


@pytest.mark.parametrize("content", [b"", ANY_BYTES, bytes(100_000)])
def test_bytes_are_exact(content: bytes) -> None:
    assert call(echoes, content).output == content


def test_the_last_output_counts_also_of_a_call_that_fails() -> None:
    result = call(says_more_than_once)
    assert (result.status, result.output) == (2, b"last")


def test_text_json_and_pickle() -> None:
    assert call(reads_text_and_json, '{"ü": [1]}').output == b'["{\\"\\u00fc\\": [1]}", {"\\u00fc": [1]}]'
    assert call(reads_text_and_json, b"\xff").error.startswith("UnicodeDecodeError")
    assert call(reads_text_and_json, "{").error.startswith("JSONDecodeError")
    assert call(passes_objects, b"\x80\x04K\x07.").status == 0


@pytest.mark.parametrize("output", ["text", 5, None, [1]])
def test_output_that_is_no_bytes(output: Any) -> None:
    result = call(lambda: host.write_output(output))
    assert result.error.startswith(f"TypeError: the output must be bytes, not {type(output).__name__}")


# Chaining


def test_chained_calls() -> None:
    world = World(functions={"calls": chains})
    result = call(chains, world=world)
    assert (result.traceback, result.output) == ("", f"TWO ONE ONE {result.id}.0".encode())
    assert [one.id for one in result.children] == [f"{result.id}.0", f"{result.id}.1"]


def test_a_chained_call_that_fails_has_its_traceback_in_the_message() -> None:
    result = call(chains_a_failure)
    assert result.failure == "exception"
    assert result.error == f"CallFailed: call {result.id}.0 failed (exception): KeyError: 'lost'"
    assert "in breaks" in result.traceback and "in chains_a_failure" in result.traceback


def test_functions_by_name() -> None:
    result = call(chains_others, functions={"other": other})
    assert (result.traceback, result.output) == ("", b"other a other b C")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("unknown", "NotFound"),
        ("somebody/other", "AccessDenied"),
        ("/other", "AccessDenied"),
    ],
)
def test_names_that_cannot_be_chained(name: str, error: str) -> None:
    assert call(lambda: host.chain(name), functions={"other": other}).error.startswith(f"{error}: ")


@pytest.mark.parametrize("function", [lambda: None, Holder().method, decorated_away, plain_function, len, 5, None])
def test_only_functions_at_the_top_can_be_chained(function: Any) -> None:
    def inner() -> None:
        pass

    for one in (function, inner):
        result = call(lambda *, one=one: host.chain(one))
        assert result.error.startswith("TypeError: "), result.error
        assert "cannot be chained" in result.error
        assert result.children == ()


def test_an_entry_goes_with_a_name_only() -> None:
    assert call(lambda: host.chain(child, entry="child")).error.startswith("TypeError: entry goes with the name")


@pytest.mark.parametrize("number", [0, 7, 1 << 40])
def test_numbers_of_no_call(number: int) -> None:
    for ask in (host.await_call, host.await_output, lambda number: host.ChainedCall(number).id):
        result = call(lambda *, ask=ask: ask(number))
        assert result.error.startswith("NotFound: this call has chained no call with number"), result.error


# What a call knows


def test_a_call_knows_itself() -> None:
    result = call(describes_itself, world=World(user="ann"))
    name = __name__.rpartition(".")[2]
    assert result.output.decode() == f'["{result.id}", "ann", "{name}", 1, true, true]'


def test_configuration() -> None:
    assert call(reads_configuration, config={"colour": "blü"}).output == b'["bl\\u00fc", null, "red"]'
    assert call(reads_configuration).error == "NotFound: the function has no configuration 'colour'"


def test_the_log() -> None:
    assert call(logs).log == ((20, "plain"), (40, "3.5"), (7, "deep"), (30, "with arguments"))
    result = call(lambda: host.log("x", "loud"))
    assert result.error.startswith("ValueError: 'loud' is no level; there are critical, ")


def test_outside_of_a_call_there_is_no_host() -> None:
    for use in (host.read_input, host.call_id, lambda: host.state_size("k")):
        with pytest.raises(host.HostUnavailable, match=r"pywasm_host.testing.call"):
            use()


def test_the_deadline_can_be_raised_without_words() -> None:
    assert str(host.DeadlineExceeded()) == "the call's time is over"
    assert isinstance(host.DeadlineExceeded(), TimeoutError)
    assert str(host.DeadlineExceeded("60 s")) == "60 s"


def test_all_names_are_there() -> None:
    assert sorted(host.__all__) == host.__all__
    assert all(hasattr(host, name) for name in host.__all__)
