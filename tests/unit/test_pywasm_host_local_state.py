"""State in native Python behaves as on the host: two tiers, parts of values, logs, locks, keys."""

from __future__ import annotations

import pytest

import pywasm_host as host
from pywasm_host.local_state import LocalState
from pywasm_host.testing import World, call


def run(entry: object, world: World | None = None) -> None:
    """Call something that asserts, and pass on what it found."""
    result = call(entry, world=world)  # type: ignore[arg-type]
    assert result.failure == "", result.traceback


def test_a_value_belongs_to_the_machine_until_it_is_pushed() -> None:
    def entry() -> None:
        host.write_state("k", b"one")
        with pytest.raises(host.NotFound, match="state key 'k' has no value"):
            host.pull_state("k")
        host.push_state("k")
        host.write_state("k", b"changed")
        assert host.read_state("k") == b"changed"
        host.pull_state("k")
        assert host.read_state("k") == b"one"

    run(entry)


def test_reading_takes_what_another_machine_pushed() -> None:
    world = World()
    world.state.pushed["k"] = b"theirs"

    def entry() -> None:
        assert host.state_size("k") == 6
        assert host.read_state("k") == b"theirs"
        host.write_state_range("k", 0, b"T")
        assert host.read_state("k") == b"Theirs"

    run(entry, world)
    assert world.state.pushed["k"] == b"theirs"


def test_a_value_gets_shorter_and_longer() -> None:
    def entry() -> None:
        for content in (b"long\0value", b"", b"abc"):
            host.write_state("k", content)
            host.push_state("k")
            host.pull_state("k")
            assert (host.read_state("k"), host.state_size("k")) == (content, len(content))

    run(entry)


def test_parts() -> None:
    def entry() -> None:
        host.write_state_range("k", 2, b"999", size=10)
        assert host.read_state("k") == b"\0\x00999\0\0\0\0\0"
        host.write_state_range("k", 9, b"abc")
        assert host.read_state_range("k", 8, 100) == b"\0abc"
        assert host.read_state_range("k", 100, 1) == b""
        host.write_state_range("k", 0, b"x", size=3)
        assert host.state_size("k") == 12
        host.push_state("k", 2, 2)
        host.pull_state("k")
        assert host.read_state("k") == b"\0\x0099".ljust(12, b"\0")
        host.write_state("k", b"abcd")
        host.push_state("k", 2)
        host.pull_state("k")
        assert host.read_state("k") == b"\0\0cd"

    run(entry)


def test_logs() -> None:
    def entry() -> None:
        assert host.read_appended("k") == []
        for content in (b"one", b"", b"th\0ree"):
            host.append_state("k", content)
        assert host.read_appended("k") == [b"one", b"", b"th\0ree"]
        assert host.read_appended("k", 2) == [b"one", b""]
        host.write_state("k", b"value")
        host.clear_appended("k")
        host.clear_appended("k")
        assert host.read_appended("k") == []
        assert host.read_state("k") == b"value"
        host.append_state("k", b"x")
        host.delete_state("k")
        assert host.read_appended("k") == []
        with pytest.raises(ValueError, match="count must be at least 1, not 0"):
            host.read_appended("k", 0)

    run(entry)


def test_what_is_missing() -> None:
    def entry() -> None:
        for action in (host.read_state, host.state_size, host.push_state, host.pull_state):
            with pytest.raises(host.NotFound, match="'k' has no value"):
                action("k")
        host.delete_state("k")

    run(entry)


@pytest.mark.parametrize("key", ["", "x" * 513, "ü" * 257, "a\0b", "a\nb", "\udc80"])
def test_keys_that_are_not_accepted(key: str) -> None:
    def entry() -> None:
        for action in (host.read_state, host.delete_state, host.read_appended, host.state_size):
            with pytest.raises(host.InvalidRequest, match="cannot be a state key"):
                action(key)
        with pytest.raises(host.InvalidRequest):
            host.write_state(key, b"")
        with pytest.raises(host.InvalidRequest), host.lock_state(key):
            pass

    run(entry)


@pytest.mark.parametrize("key", ["a_b", "../../etc/passwd", "/absolute", "ü" * 256, "a b"])
def test_keys_mean_nothing_but_themselves(key: str) -> None:
    def entry() -> None:
        host.write_state(key, key.encode())
        assert host.read_state(key) == key.encode()

    run(entry)


def test_locks() -> None:
    state = LocalState()
    assert state.lock("k", "a", exclusive=False)
    assert state.lock("k", "b", exclusive=False)
    assert not state.lock("k", "a", exclusive=True)
    state.unlock("k", "b")
    assert state.lock("k", "a", exclusive=True)
    assert not state.lock("k", "b", exclusive=False)
    state.unlock("k", "a")
    assert not state.lock("k", "b", exclusive=False)
    state.unlock("k", "a")
    assert state.lock("k", "b", exclusive=True)
    with pytest.raises(host.NotFound, match="this call has no lock on state key 'k'"):
        state.unlock("k", "a")
    state.unlock_all("b")
    assert state.lock("k", "a", exclusive=True)
