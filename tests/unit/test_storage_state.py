"""The global tier: exact values in chunks, limits that hold, append logs; locks with leases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywasm_runtime.functions.errors import FunctionError, InvalidName, LimitExceeded, NotFound
from pywasm_runtime.storage import Storage, state_usage
from pywasm_runtime.storage import locks as locks_module
from pywasm_runtime.storage.state import State
from pywasm_runtime.storage.state_chunks import CHUNK_BYTES
from pywasm_runtime.storage.state_usage import MAX_VALUE_BYTES

GONE = -1.0


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with Storage(tmp_path / "data") as storage:
        yield storage


@pytest.fixture
def state(storage: Storage) -> State:
    return storage.state


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
def test_values_of_any_size(state: State, size: int) -> None:
    value = os.urandom(size)
    state.write("ann", "k", value)
    assert state.read("ann", "k") == value
    assert state.size("ann", "k") == state.usage("ann") == size


def test_another_length_is_the_new_length(state: State) -> None:
    for value in (b"long value\0" * 20_000, b"short", b"", b"longer again" * 10_000):
        state.write("ann", "k", value)
        assert state.read("ann", "k") == value
        assert state.usage("ann") == len(value)


def test_what_was_cut_off_does_not_come_back(state: State) -> None:
    state.write("ann", "k", b"x" * 200_000)
    state.write("ann", "k", b"y" * 70_000)
    state.write_range("ann", "k", 200_000, 199_999, b"z")
    assert state.read("ann", "k") == b"y" * 70_000 + bytes(129_999) + b"z"


def test_users_and_keys_never_meet(state: State) -> None:
    pairs = [("a_b", "c"), ("a", "b_c"), ("a", "b"), ("a", "../a_b/c"), ("a", "B"), ("a", "b "), ("b", "b")]
    for number, (user, key) in enumerate(pairs):
        state.write(user, key, bytes([number]))
        state.append(user, key, bytes([number]))
    for number, (user, key) in enumerate(pairs):
        assert state.read(user, key) == bytes([number])
        assert state.appended(user, key) == [bytes([number])]
    assert [item.key for item in state.keys("a")] == ["../a_b/c", "B", "b", "b ", "b_c"]
    assert [item.size for item in state.keys("a", limit=2)] == [1, 1]


def test_ranges(state: State) -> None:
    state.write_range("ann", "k", 10, 2, b"ab")
    assert state.read("ann", "k") == b"\0\0ab" + bytes(6)
    state.write_range("ann", "k", 0, 9, b"xyz")  # grows, whatever the total says
    assert state.read("ann", "k") == b"\0\0ab" + bytes(5) + b"xyz"
    assert state.read_range("ann", "k", 2, 2) == b"ab"
    assert state.read_range("ann", "k", 10, 100) == b"yz"
    assert state.read_range("ann", "k", 12, 1) == state.read_range("ann", "k", 1 << 40, 1) == b""
    border = CHUNK_BYTES - 3
    state.write_range("ann", "k", 0, border, b"across the border")
    assert state.read_range("ann", "k", border, 17) == b"across the border"
    for offset, length in ((-1, 1), (1, -1)):
        with pytest.raises(FunctionError, match="negative"):
            state.read_range("ann", "k", offset, length)


WRITES = st.lists(
    st.tuples(st.integers(0, 5 * CHUNK_BYTES // 2), st.integers(0, 2 * CHUNK_BYTES), st.booleans()), max_size=6
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=WRITES)
def test_any_writes_give_what_a_bytearray_gives(state: State, writes: list[tuple[int, int, bool]]) -> None:
    state.delete("ann", "k")
    model = bytearray()
    state.write("ann", "k", b"")
    for number, (offset, length, whole) in enumerate(writes, 1):
        data = bytes([number]) * length
        if whole:
            model[:] = data
            state.write("ann", "k", data)
        else:
            model.extend(bytes(max(offset + length - len(model), 0)))
            model[offset : offset + length] = data
            state.write_range("ann", "k", offset + length, offset, data)
        assert state.read("ann", "k") == model
        assert state.usage("ann") == len(model)


def test_only_chunks_that_differ_are_written(state: State) -> None:
    value = bytearray(os.urandom(10 * CHUNK_BYTES))

    def read(offset: int, length: int) -> bytes:
        return bytes(value[offset : offset + length])

    assert state.copy_in("ann", "k", len(value), read) == 10
    assert state.copy_in("ann", "k", len(value), read) == 0
    value[3 * CHUNK_BYTES + 5] ^= 1
    del value[-CHUNK_BYTES // 2 :]
    assert state.copy_in("ann", "k", len(value), read) == 1
    assert state.read("ann", "k") == value


def test_what_changes_while_it_is_compared_is_compared_again(tmp_path: Path, state: State) -> None:
    """Another process writes between the comparison and the write; the pushed value wins, whole."""
    value = b"a" * (2 * CHUNK_BYTES)
    state.write("ann", "k", value)
    with Storage(tmp_path / "data") as other:
        pushed = False

        def read(offset: int, length: int) -> bytes:
            nonlocal pushed
            if not pushed:
                pushed = True
                other.state.write("ann", "k", b"b" * (2 * CHUNK_BYTES))
            return value[offset : offset + length]

        assert state.copy_in("ann", "k", len(value), read) == 2
    assert state.read("ann", "k") == value


def test_large_holes_take_no_room(state: State, tmp_path: Path) -> None:
    state.write_range("ann", "k", 500 << 20, 100 << 20, b"here")
    assert state.read_range("ann", "k", (100 << 20) - 1, 6) == b"\0here\0"
    assert sum(path.stat().st_size for path in (tmp_path / "data").iterdir()) < 1 << 20
    pieces: dict[int, bytes] = {}
    assert state.copy_out("ann", "k", pieces.__setitem__) == 500 << 20
    assert list(pieces) == [100 << 20]


def test_no_value(state: State) -> None:
    for ask in (state.size, state.read):
        with pytest.raises(NotFound, match=r"'k'.*ann"):
            ask("ann", "k")
    assert not state.delete("ann", "k")
    assert not state.clear_appended("ann", "k")
    assert state.appended("ann", "k") == []
    assert state.usage("ann") == 0


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "k" * 513])
def test_wrong_keys(state: State, key: str) -> None:
    with pytest.raises(InvalidName):
        state.write("ann", key, b"")
    with pytest.raises(InvalidName):
        state.read("ann", key)
    with pytest.raises(InvalidName):
        state.append("ann", key, b"")
    with pytest.raises(InvalidName):
        state.read("../ann", "k")


def test_the_limit_is_for_all_keys_of_a_user(state: State) -> None:
    state.write("ann", "a", b"x" * 60, limit=100)
    state.append("ann", "log", b"x" * 30, limit=100)
    with pytest.raises(LimitExceeded, match=r"'b'.*11 bytes more.*101 bytes.*limit is 100"):
        state.write("ann", "b", b"x" * 11, limit=100)
    with pytest.raises(LimitExceeded):
        state.append("ann", "log", b"x" * 11, limit=100)
    with pytest.raises(LimitExceeded):
        state.write_range("ann", "a", 71, 0, b"", limit=100)
    assert (state.size("ann", "a"), state.usage("ann")) == (60, 90)
    state.write("bob", "b", b"x" * 100, limit=100)
    state.write("ann", "a", b"x" * 70, limit=100)
    state.write("ann", "a", b"x" * 50, limit=10)  # to take less is right whatever the limit is
    assert state.usage("ann") == 80


@pytest.mark.parametrize(("total", "offset"), [(MAX_VALUE_BYTES + 1, 0), (0, MAX_VALUE_BYTES), (1 << 80, 0)])
def test_no_value_is_larger_than_any_may_be(state: State, total: int, offset: int) -> None:
    with pytest.raises(LimitExceeded):
        state.write_range("ann", "k", total, offset, b"x")
    with pytest.raises(FunctionError):
        state.write_range("ann", "k", 0, -1, b"x")
    with pytest.raises(NotFound):
        state.size("ann", "k")


def test_the_number_of_keys_is_limited(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_usage, "MAX_ITEMS", 3)
    state.write("ann", "a", b"")
    state.append("ann", "a", b"")
    state.append("ann", "a", b"")
    with pytest.raises(LimitExceeded, match="3 keys and entries"):
        state.write("ann", "b", b"")
    state.clear_appended("ann", "a")
    state.write("ann", "b", b"")


def test_a_deleted_value_is_gone_with_its_log(state: State) -> None:
    state.write("ann", "k", b"x" * 100_000)
    state.append("ann", "k", b"entry")
    assert state.delete("ann", "k")
    assert state.usage("ann") == 0
    assert state.appended("ann", "k") == []
    with pytest.raises(NotFound):
        state.read("ann", "k")
    state.append("ann", "only", b"entry")
    assert state.delete("ann", "only")


def test_the_append_log(state: State) -> None:
    entries = [b"", b"\0", b"a" * 100_000, b"last"]
    for entry in entries:
        state.append("ann", "k", entry)
    assert state.appended("ann", "k") == entries
    assert state.appended("ann", "k", 2) == entries[:2]
    assert state.appended("ann", "k", 100) == entries
    assert state.usage("ann") == sum(map(len, entries))
    assert state.clear_appended("ann", "k")
    assert (state.appended("ann", "k"), state.usage("ann")) == ([], 0)
    with pytest.raises(NotFound):
        state.read("ann", "k")  # the log is apart from the value


def test_exclusive_locks(storage: Storage) -> None:
    locks = storage.locks
    assert locks.acquire("ann", "k", "a", True)
    assert not locks.acquire("ann", "k", "b", True)
    assert not locks.acquire("ann", "k", "b", False)
    assert locks.acquire("bob", "k", "b", True)
    assert locks.acquire("ann", "l", "b", True)
    assert not locks.release("ann", "k", "b")
    assert locks.release("ann", "k", "a")
    assert not locks.release("ann", "k", "a")
    assert locks.acquire("ann", "k", "b", True)


def test_shared_locks(storage: Storage) -> None:
    locks = storage.locks
    assert locks.acquire("ann", "k", "a", False)
    assert locks.acquire("ann", "k", "b", False)
    assert not locks.acquire("ann", "k", "c", True)
    assert not locks.acquire("ann", "k", "a", True)  # b has it too
    locks.release("ann", "k", "b")
    assert locks.acquire("ann", "k", "a", True)
    assert not locks.acquire("ann", "k", "b", False)
    locks.release("ann", "k", "a")
    assert not locks.acquire("ann", "k", "b", False)  # still held once
    locks.release("ann", "k", "a")
    assert locks.acquire("ann", "k", "b", False)


def test_a_lock_is_released_as_often_as_it_was_acquired(storage: Storage) -> None:
    for _ in range(3):
        assert storage.locks.acquire("ann", "k", "a", True)
    for _ in range(2):
        storage.locks.release("ann", "k", "a")
        assert not storage.locks.acquire("ann", "k", "b", True)
    storage.locks.release("ann", "k", "a")
    assert storage.locks.acquire("ann", "k", "b", True)


def test_an_expired_lock_is_taken_over(storage: Storage) -> None:
    locks = storage.locks
    locks.acquire("ann", "k", "dead", True, GONE)
    assert locks.acquire("ann", "k", "a", True)
    assert locks.renew("dead") == 0
    assert not locks.release("ann", "k", "dead")
    assert not locks.acquire("ann", "k", "dead", False)


def test_a_lock_is_renewed(storage: Storage) -> None:
    locks = storage.locks
    locks.acquire("ann", "k", "a", True, GONE)
    locks.acquire("ann", "l", "a", True, GONE)
    assert locks.renew("a") == 2
    assert not locks.acquire("ann", "k", "b", True)
    assert locks.release_all("a") == 2
    assert locks.release_all("a") == 0
    assert locks.acquire("ann", "k", "b", True)


def test_one_holder_has_not_all_locks(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks_module, "MAX_LOCKS", 2)
    for key in ("k", "l", "k"):
        assert storage.locks.acquire("ann", key, "a", True)
    with pytest.raises(LimitExceeded, match="'m'"):
        storage.locks.acquire("ann", "m", "a", True)
    with pytest.raises(InvalidName):
        storage.locks.acquire("ann", "", "b", True)


def test_old_locks_are_removed(storage: Storage) -> None:
    storage.locks.acquire("ann", "k", "a", True, -100.0)
    storage.calls.prune(50)
    assert storage.locks.release_all("a") == 0
