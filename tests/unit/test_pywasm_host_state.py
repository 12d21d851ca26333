"""State as a function sees it: values, parts, tiers, logs, locks."""

from __future__ import annotations

import array
from typing import Any

import pytest

import pywasm_host as host
from pywasm_host.testing import World, call

KEY = "scores/ann"


def values() -> None:
    for value in (b"a longer \0 value", b"short", b"", bytearray(b"bytes"), memoryview(b"view")):
        host.write_state(KEY, value)
        assert (host.read_state(KEY), host.state_size(KEY)) == (bytes(value), len(value))


def parts() -> None:
    host.write_state_range(KEY, 3, b"def")
    assert host.read_state(KEY) == b"\0\0\0def"
    host.write_state_range(KEY, 0, b"abc", size=8)
    assert host.read_state(KEY) == b"abcdef\0\0"
    host.write_state_range(KEY, 0, b"A", size=2)
    assert host.state_size(KEY) == 8
    assert host.read_state_range(KEY, 2, 3) == b"cde"
    assert host.read_state_range(KEY, 6, 100) == b"\0\0"
    assert host.read_state_range(KEY, 100, 100) == b""


def tiers() -> None:
    host.write_state(KEY, b"0123456789")
    host.push_state(KEY)
    host.write_state(KEY, b"ABCDEFGHIJ")
    host.push_state(KEY, 2, 3)
    assert host.read_state(KEY) == b"ABCDEFGHIJ"
    host.pull_state(KEY)
    assert host.read_state(KEY) == b"01CDE56789"
    host.write_state(KEY, b"abcdefghij")
    host.push_state(KEY, offset=8)
    host.pull_state(KEY)
    assert host.read_state(KEY) == b"01CDE567ij"
    host.delete_state(KEY)
    host.state_size(KEY)


def appends() -> None:
    assert host.read_appended(KEY) == []
    for entry in (b"one", b"", b"\0two"):
        host.append_state(KEY, entry)
    assert host.read_appended(KEY) == [b"one", b"", b"\0two"]
    assert host.read_appended(KEY, 2) == [b"one", b""]
    assert host.read_appended(KEY, 9) == [b"one", b"", b"\0two"]
    host.clear_appended(KEY)
    assert host.read_appended(KEY) == []


def waits_for_a_child_under_a_lock() -> None:
    with host.lock_state(KEY):
        host.write_output(host.chain(locks).output())


def shares_a_lock_with_a_child() -> None:
    with host.lock_state(KEY, shared=True):
        host.write_output(host.chain(locks_shared).output())


def locks() -> None:
    with host.lock_state(KEY, timeout=0.01):
        host.write_output(b"locked")


def locks_shared() -> None:
    with host.lock_state(KEY, shared=True, timeout=1e300):
        host.write_output(b"shared")


def locks_without_end() -> None:
    with host.lock_state(KEY):
        pass


def chains_one_without_end() -> None:
    with host.lock_state(KEY):
        host.chain(locks_without_end).output()


def fails_under_a_lock() -> None:
    with host.lock_state(KEY):
        raise ValueError("in the middle")


@pytest.mark.parametrize("entry", [values, parts, appends])
def test_what_is_written_is_read(entry: object) -> None:
    assert call(entry).traceback == ""  # type: ignore[arg-type]


def test_tiers_and_deletion() -> None:
    result = call(tiers)
    assert result.error == f"NotFound: state key '{KEY}' has no value"


@pytest.mark.parametrize(
    "use",
    [
        lambda: host.read_state("none"),
        lambda: host.read_state_range("none", 0, 1),
        lambda: host.state_size("none"),
        lambda: host.push_state("none"),
        lambda: host.push_state("none", 1),
        lambda: host.pull_state("none"),
    ],
)
def test_a_key_without_a_value_is_named(use: object) -> None:
    assert call(use).error.startswith("NotFound: state key 'none' has no value")  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "x" * 513, "a\0b", "a\nb", "\ud800"])
def test_keys_that_are_none(key: str) -> None:
    for use in (host.state_size, host.read_appended, host.clear_appended, lambda key: host.write_state(key, b"")):
        result = call(lambda *, use=use: use(key))
        assert result.error.startswith(("InvalidRequest: ", "UnicodeEncodeError: ")), result.error


@pytest.mark.parametrize("key", ["../../etc/passwd", "/", ".", "a b", "Größe", "x" * 512])
def test_keys_are_only_names(key: str) -> None:
    world = World()
    assert call(lambda: host.write_state(key, b"v"), world=world).status == 0
    assert call(lambda: host.write_output(host.read_state(key)), world=world).output == b"v"


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: host.read_state_range("k", -1, 2), "offset must be between 0 and 4 GiB, not -1"),
        (lambda: host.read_state_range("k", 0, 1 << 32), "length must be between 0 and 4 GiB, not 4294967296"),
        (lambda: host.write_state_range("k", -5, b"x"), "offset must be"),
        (lambda: host.write_state_range("k", 0, b"x", size=-1), "size must be"),
        (lambda: host.push_state("k", -1), "offset must be"),
        (lambda: host.read_appended("k", 0), "count must be at least 1, not 0"),
        (lambda: host.read_appended("k", 1 << 32), "count must be between"),
    ],
)
def test_numbers_that_make_no_sense(use: object, words: str) -> None:
    world = World()
    call(lambda: host.write_state("k", b"value"), world=world)
    assert call(use, world=world).error.startswith(f"ValueError: {words}")  # type: ignore[arg-type]


def test_a_lock_excludes() -> None:
    result = call(waits_for_a_child_under_a_lock)
    assert result.error.startswith("CallFailed")
    assert result.children[0].error == f"LockTimeout: the state key '{KEY}' stayed locked by others for 0.01 s"


def test_a_lock_without_a_timeout_says_how_long_it_waited() -> None:
    result = call(chains_one_without_end)
    assert result.children[0].error.endswith("stayed locked by others until the call's time was over")


def test_shared_locks_do_not_exclude_each_other() -> None:
    assert call(shares_a_lock_with_a_child).output == b"shared"


def test_a_lock_ends_with_its_block_and_its_call() -> None:
    world = World()
    assert call(fails_under_a_lock, world=world).error == "ValueError: in the middle"
    assert call(locks, world=world).output == b"locked"
    call(lambda: host.lock_state(KEY).__enter__(), world=world)
    assert call(locks, world=world).output == b"locked"


@pytest.mark.parametrize("content", ["text", 5, None, [1]])
def test_what_is_no_bytes_is_told(content: Any) -> None:
    def entry() -> None:
        for write in (
            lambda: host.write_state(KEY, content),
            lambda: host.write_state_range(KEY, 0, content),
            lambda: host.append_state(KEY, content),
            lambda: host.chain("other", content),
        ):
            with pytest.raises(TypeError, match=rf"must be bytes, not {type(content).__name__}; text becomes bytes by"):
                write()

    assert call(entry).error == ""


def test_arrays_are_bytes() -> None:
    def entry() -> None:
        host.write_state(KEY, array.array("H", [1, 2]))  # type: ignore[arg-type]
        host.write_output(host.read_state(KEY))

    assert call(entry).output == array.array("H", [1, 2]).tobytes()
