"""The local tier: files that can be mapped, exact sizes, limits for a user, nothing lost if a process dies."""

import errno
import mmap
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywasm_runtime.functions.errors import FunctionError, InvalidName, LimitExceeded, NotFound, StorageError
from pywasm_runtime.storage import LocalState, Storage, state_usage
from pywasm_runtime.storage.local_folder import UserFolder
from pywasm_runtime.storage.value_file import PAGE_BYTES, ValueFile, file_length, padded_size, value_size

LIMIT = 1 << 20


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with Storage(tmp_path / "data") as storage:
        yield storage


@pytest.fixture
def local(tmp_path: Path, storage: Storage) -> LocalState:
    return LocalState(tmp_path / "local", storage.state, LIMIT)


@pytest.fixture
def other(tmp_path: Path, storage: Storage) -> LocalState:
    """Be another machine: the same global tier, a local one of its own."""
    return LocalState(tmp_path / "other", storage.state, LIMIT)


@given(size=st.integers(0, 1 << 40))
def test_the_size_is_in_the_length(size: int) -> None:
    assert value_size(file_length(size)) == size
    assert file_length(size) >= padded_size(size) >= size


@pytest.mark.parametrize("size", [0, 1, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 5 * PAGE_BYTES])
def test_values_of_any_size(local: LocalState, size: int) -> None:
    value = os.urandom(size)
    local.write_state("ann", "k", value)
    assert local.read_state("ann", "k") == value
    assert local.state_size("ann", "k") == size


def test_another_length_is_the_new_length(local: LocalState) -> None:
    for value in (b"long\0" * 20_000, b"short", b"", b"long again" * 20_000):
        local.write_state("ann", "k", value)
        assert local.read_state("ann", "k") == value


def test_a_value_is_here_until_it_is_pushed(local: LocalState, other: LocalState, storage: Storage) -> None:
    local.write_state("ann", "k", b"one")
    with pytest.raises(NotFound):
        other.read_state("ann", "k")
    local.push_state("ann", "k")
    assert storage.state.read("ann", "k") == other.read_state("ann", "k") == b"one"
    local.write_state("ann", "k", b"number two")
    local.push_state("ann", "k")
    assert other.read_state("ann", "k") == b"one"  # what was read is here now
    assert other.state_size("ann", "k") == 3
    other.pull_state("ann", "k")
    assert other.read_state("ann", "k") == b"number two"


def test_a_size_alone_fetches_nothing(local: LocalState, storage: Storage, tmp_path: Path) -> None:
    storage.state.write("ann", "k", b"x" * 1000)
    assert local.state_size("ann", "k") == 1000
    assert not (tmp_path / "local").exists()


def test_ranges(local: LocalState, other: LocalState) -> None:
    local.write_state_range("ann", "k", 10, 2, b"ab")
    assert local.read_state("ann", "k") == b"\0\0ab" + bytes(6)
    local.write_state_range("ann", "k", 0, 8, b"wxyz")  # grows, whatever the total says
    assert local.read_state_range("ann", "k", 2, 2) == b"ab"
    assert local.read_state_range("ann", "k", 11, 100) == b"z"
    assert local.read_state_range("ann", "k", 1 << 31, 1) == b""
    local.push_state("ann", "k")
    other.write_state_range("ann", "k", 0, 0, b"AB")  # fetches the rest
    assert other.read_state("ann", "k") == b"ABab" + bytes(4) + b"wxyz"
    for offset, length in ((-1, 1), (1, -1)):
        with pytest.raises(FunctionError, match="negative"):
            local.read_state_range("ann", "k", offset, length)


def test_a_part_is_pushed(local: LocalState, storage: Storage) -> None:
    storage.state.write("ann", "k", b"abcdef")
    local.write_state("ann", "k", b"ABCDEFGH")
    local.push_state_range("ann", "k", 2, 2)
    assert storage.state.read("ann", "k") == b"abCDef\0\0"
    local.push_state_range("ann", "k", 100, 2)
    assert storage.state.read("ann", "k") == b"abCDef\0\0"
    local.write_state("ann", "new", b"xyz")
    local.push_state_range("ann", "new", 1, 1)
    assert storage.state.read("ann", "new") == b"\0y\0"


def test_no_value(local: LocalState) -> None:
    for ask in (local.read_state, local.state_size, local.pull_state, local.push_state):
        with pytest.raises(NotFound, match="'k'"):
            ask("ann", "k")
    with pytest.raises(NotFound):
        local.push_state_range("ann", "k", 0, 1)
    local.delete_state("ann", "k")  # nothing to do


def test_a_deleted_value_is_gone_in_both_tiers(local: LocalState, storage: Storage) -> None:
    local.write_state("ann", "k", b"x")
    local.push_state("ann", "k")
    local.append_state("ann", "k", b"entry")
    local.delete_state("ann", "k")
    with pytest.raises(NotFound):
        local.read_state("ann", "k")
    assert storage.state.keys("ann") == []
    assert local.read_appended("ann", "k") == b""


def test_appended_entries_are_global_at_once(local: LocalState, other: LocalState) -> None:
    for entry in (b"a", b"", b"\0c"):
        local.append_state("ann", "k", entry)
    assert other.read_appended("ann", "k") == b"\1\0\0\0a" + bytes(4) + b"\2\0\0\0\0c"
    assert other.read_appended("ann", "k", 1) == b"\1\0\0\0a"
    other.clear_appended("ann", "k")
    assert local.read_appended("ann", "k") == b""


def test_users_and_keys_never_meet(local: LocalState, tmp_path: Path) -> None:
    pairs = [
        ("a_b", "c"),
        ("a", "b_c"),
        ("a", "../a_b/c"),
        ("a", "../../escaped"),
        ("a", "/tmp/escaped"),
        ("a", ".usage"),
    ]
    for number, (user, key) in enumerate(pairs):
        local.write_state(user, key, bytes([number]))
    for number, (user, key) in enumerate(pairs):
        assert local.read_state(user, key) == bytes([number])
    files = [path.relative_to(tmp_path / "local") for path in (tmp_path / "local").rglob("*") if path.is_file()]
    assert len(files) == len(pairs) + 2
    assert all(len(path.parts) == 2 for path in files)
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "k" * 513])
def test_wrong_names(local: LocalState, key: str) -> None:
    with pytest.raises(InvalidName):
        local.write_state("ann", key, b"")
    with pytest.raises(InvalidName):
        local.read_state("ann", key)
    with pytest.raises(InvalidName):
        local.path_for_map("ann", key, 1)
    with pytest.raises(InvalidName):
        local.read_state("../ann", "k")


def test_the_limit_is_for_all_keys_of_a_user(local: LocalState, storage: Storage, tmp_path: Path) -> None:
    local.write_state("ann", "a", bytes(LIMIT - 100))
    grow: list[Callable[[], object]] = [
        lambda: local.write_state("ann", "b", bytes(101)),
        lambda: local.write_state_range("ann", "b", 101, 0, b"x"),
        lambda: local.write_state_range("ann", "a", LIMIT + 1, 0, b"x"),
        lambda: local.path_for_map("ann", "b", 101),
        lambda: local.path_for_map("ann", "a", LIMIT + 1),
    ]
    for step in grow:
        with pytest.raises(LimitExceeded, match=f"limit is {LIMIT}"):
            step()
    assert local.state_size("ann", "a") == LIMIT - 100
    with pytest.raises(NotFound):
        local.read_state("ann", "b")
    local.write_state("ann", "b", bytes(100))
    local.write_state("bob", "b", bytes(LIMIT))
    local.write_state("ann", "a", b"")
    local.write_state("ann", "b", bytes(LIMIT))
    # Another limit for another function of the same user: what is there already can be read and become less.
    less = LocalState(tmp_path / "local", storage.state, 10)
    assert len(less.read_state("ann", "b")) == LIMIT
    less.write_state("ann", "b", bytes(20))
    with pytest.raises(LimitExceeded):
        less.write_state("ann", "c", bytes(1))


def test_pulling_and_pushing_keep_the_limit(local: LocalState, storage: Storage) -> None:
    storage.state.write("ann", "large", bytes(LIMIT + 1))
    with pytest.raises(LimitExceeded):
        local.read_state("ann", "large")
    with pytest.raises(LimitExceeded):
        local.pull_state("ann", "large")
    local.write_state("ann", "k", b"x")
    with pytest.raises(LimitExceeded):
        local.push_state("ann", "k")
    with pytest.raises(LimitExceeded):
        local.append_state("ann", "k", b"x")


@pytest.mark.parametrize("size", [state_usage.MAX_VALUE_BYTES + 1, 1 << 40, 1 << 80])
def test_no_value_is_larger_than_any_may_be(tmp_path: Path, storage: Storage, size: int) -> None:
    local = LocalState(tmp_path / "local", storage.state, 1 << 90)
    with pytest.raises(LimitExceeded):
        local.write_state_range("ann", "k", size, 0, b"x")
    with pytest.raises(LimitExceeded):
        local.path_for_map("ann", "k", size)


def test_the_number_of_keys_is_limited(local: LocalState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_usage, "MAX_ITEMS", 2)
    local.write_state("ann", "a", b"")
    local.write_state("ann", "b", b"")
    with pytest.raises(LimitExceeded, match="2 keys"):
        local.write_state("ann", "c", b"")
    local.delete_state("ann", "a")
    local.write_state("ann", "c", b"")


def test_a_value_is_mapped_and_pushed(local: LocalState, storage: Storage) -> None:
    local.write_state("ann", "k", b"abc")
    path = local.path_for_map("ann", "k", 5)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), PAGE_BYTES) as view:
        assert view[:6] == b"abc\0\0\0"
        view[4:5] = b"Z"
        view[-1:] = b"!"  # behind the value, in the padding
        assert local.read_state("ann", "k") == b"abc\0Z"
        local.write_state_range("ann", "k", 0, 0, b"A")
        assert view[:1] == b"A"
        # Growing in place: the padding becomes part of the value, and must be zeros then.
        local.write_state_range("ann", "k", PAGE_BYTES + 1, 0, b"A")
        assert local.read_state("ann", "k") == b"Abc\0Z" + bytes(PAGE_BYTES - 4)
        view[1:2] = b"B"
        local.push_state("ann", "k")
        assert storage.state.read_range("ann", "k", 0, 5) == b"ABc\0Z"


def test_a_mapping_outlives_the_value(local: LocalState) -> None:
    path = local.path_for_map("ann", "k", 3 * PAGE_BYTES)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 3 * PAGE_BYTES) as view:
        view[-1:] = b"!"
        local.write_state("ann", "k", b"short")
        assert (view[-1:], local.read_state("ann", "k")) == (b"!", b"short")
        local.delete_state("ann", "k")
        view[:1] = b"?"
        assert view[-1:] == b"!"


def test_a_mapped_value_has_its_blocks(local: LocalState) -> None:
    path = local.path_for_map("ann", "k", 3 * PAGE_BYTES + 1)
    assert path.stat().st_blocks * 512 >= 4 * PAGE_BYTES
    assert path.stat().st_size >= 4 * PAGE_BYTES
    assert local.path_for_map("ann", "k", 1) == path
    assert local.state_size("ann", "k") == 3 * PAGE_BYTES + 1


def test_holes_take_no_room(local: LocalState, tmp_path: Path) -> None:
    local.write_state_range("ann", "k", LIMIT, 0, b"x")
    assert sum(path.stat().st_blocks for path in (tmp_path / "local").rglob("*")) * 512 < 100_000


SIZES = st.integers(0, 3 * PAGE_BYTES)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(st.tuples(SIZES, st.integers(0, 1000), st.sampled_from(["whole", "range", "map"])), max_size=8))
def test_any_writes_give_what_a_bytearray_gives(local: LocalState, writes: list[tuple[int, int, str]]) -> None:
    local.delete_state("ann", "k")
    model = bytearray()
    local.write_state("ann", "k", b"")
    for number, (offset, length, kind) in enumerate(writes, 1):
        data = bytes([number]) * length
        if kind == "whole":
            model[:] = data
            local.write_state("ann", "k", data)
        elif kind == "range":
            model.extend(bytes(max(offset + length - len(model), 0)))
            model[offset : offset + length] = data
            local.write_state_range("ann", "k", 0, offset, data)
        else:
            model.extend(bytes(max(offset - len(model), 0)))
            local.path_for_map("ann", "k", offset)
        assert local.read_state("ann", "k") == model


def usage_of(tmp_path: Path, user: str) -> tuple[int, int]:
    """Give what the folder says, and what its files really hold."""
    folder = UserFolder(tmp_path / "local", user, LIMIT)
    counted = int.from_bytes((folder.path / ".usage").read_bytes()[:8], "little")
    return counted, sum(value_size(path.stat().st_size) for path in folder.path.glob("[!.]*"))


def test_the_usage_is_kept_through_everything(local: LocalState, storage: Storage, tmp_path: Path) -> None:
    storage.state.write("ann", "global", b"x" * 1000)
    steps: list[Callable[[], object]] = [
        lambda: local.write_state("ann", "a", b"x" * 100),
        lambda: local.write_state("ann", "a", b"x" * 10),
        lambda: local.write_state_range("ann", "a", 500, 0, b"x"),
        lambda: local.read_state("ann", "global"),
        lambda: storage.state.write("ann", "global", b"x" * 300),
        lambda: local.pull_state("ann", "global"),
        lambda: local.path_for_map("ann", "m", 70_000),
        lambda: local.delete_state("ann", "a"),
    ]
    for step in steps:
        step()
        counted, real = usage_of(tmp_path, "ann")
        assert counted == real


def test_a_process_that_died_while_writing(local: LocalState, tmp_path: Path) -> None:
    local.write_state("ann", "a", b"x" * 100)
    folder = UserFolder(tmp_path / "local", "ann", LIMIT)
    # As it was: a new file without its name yet, the usage marked as unsettled and wrong.
    with ValueFile.create(folder.path / ".new-0123", LIMIT):
        pass
    (folder.path / ".usage").write_bytes((LIMIT).to_bytes(8, "little") + (7).to_bytes(8, "little") + b"\1" + bytes(7))
    local.write_state("ann", "b", b"x" * 50)
    assert usage_of(tmp_path, "ann") == (150, 150)
    assert len(list(folder.path.iterdir())) == 3


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 24, b"\xff" * 100])
def test_a_damaged_usage_is_counted_anew(local: LocalState, tmp_path: Path, content: bytes) -> None:
    local.write_state("ann", "a", b"x" * 100)
    (UserFolder(tmp_path / "local", "ann", LIMIT).path / ".usage").write_bytes(content)
    local.write_state("ann", "b", b"x" * 50)
    assert usage_of(tmp_path, "ann") == (150, 150)


def test_a_damaged_file_is_told(local: LocalState, tmp_path: Path) -> None:
    local.write_state("ann", "a", b"x" * 100)
    path = UserFolder(tmp_path / "local", "ann", LIMIT).file("a")
    os.truncate(path, 5)
    with pytest.raises(StorageError, match="damaged"):
        local.read_state("ann", "a")
    local.write_state("ann", "a", b"new")
    assert local.read_state("ann", "a") == b"new"


def test_a_link_is_not_followed(local: LocalState, tmp_path: Path) -> None:
    local.write_state("ann", "a", b"x")
    path = UserFolder(tmp_path / "local", "ann", LIMIT).file("b")
    path.symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match="'b'"):
        local.read_state("ann", "b")


def test_a_full_disk_is_told_and_the_old_value_stays(local: LocalState, monkeypatch: pytest.MonkeyPatch) -> None:
    local.write_state("ann", "k", b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(StorageError, match=r"'k'.*No space left"):
            local.write_state("ann", "k", b"new")
    assert local.read_state("ann", "k") == b"old"
    local.write_state("ann", "l", bytes(LIMIT - 3))


def test_many_threads_write_at_once(tmp_path: Path) -> None:
    """Each has what a worker has: a storage and a local tier of its own over the same files."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Storage(tmp_path / "data") as storage:
                local = LocalState(tmp_path / "local", storage.state, LIMIT)
                for step in range(40):
                    local.write_state("ann", f"{number}", os.urandom(step * 100))
                    local.write_state_range("ann", "shared", 0, number * 1000 + step, b"x")
                    local.write_state("ann", "whole", bytes([number]) * (number + 1) * 1000)
                    value = local.read_state("ann", "whole")
                    assert len(value) == (value[0] + 1) * 1000 and len(set(value)) == 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Storage(tmp_path / "data") as storage:
        shared = LocalState(tmp_path / "local", storage.state, LIMIT).read_state("ann", "shared")
    assert shared.count(b"x") == 160
    counted, real = usage_of(tmp_path, "ann")
    assert counted == real


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_no_descriptor_is_left(local: LocalState, other: LocalState) -> None:
    def use() -> None:
        local.write_state("ann", "k", b"abc")
        local.write_state_range("ann", "k", 10, 1, b"x")
        local.push_state("ann", "k")
        other.pull_state("ann", "k")
        other.read_state("ann", "k")
        other.path_for_map("ann", "k", 100)
        other.state_size("ann", "k")
        for key in ("", "none"):
            with pytest.raises(FunctionError):
                local.read_state("ann", key)
        with pytest.raises(LimitExceeded):
            local.write_state("ann", "k", bytes(LIMIT + 1))
        local.delete_state("ann", "k")

    use()
    before = open_descriptors()
    for _ in range(20):
        use()
    assert open_descriptors() == before
