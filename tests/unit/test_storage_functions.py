"""Functions, their versions and archives; users and their tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_runtime.functions.errors import InvalidName, NotFound
from pywasm_runtime.functions.model import CallRequest, FunctionSettings, FunctionVersion, Limits, Outcome
from pywasm_runtime.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with Storage(tmp_path / "data") as storage:
        yield storage


def add(storage: Storage, user: str = "ann", name: str = "f", code: str = "a") -> FunctionVersion:
    return storage.functions.add_version(
        user, name, digest=code * 64, archive=code.encode(), settings=FunctionSettings()
    )


def test_a_function_is_kept_with_its_settings(storage: Storage) -> None:
    settings = FunctionSettings(entry="go", limits=Limits(wall_seconds=1.5), environment={"A": "1"}, config={"k": "v"})
    added = storage.functions.add_version(
        "ann", "f", digest="a" * 64, archive=b"\0zip", settings=settings, no_image="it opens a file"
    )
    assert added == storage.functions.current("ann", "f") == storage.functions.version("ann", "f", 1)
    assert (added.version, added.settings, added.no_image) == (1, settings, "it opens a file")
    assert storage.functions.archive(added.digest) == b"\0zip"


def test_a_new_version_is_the_current_one_and_the_old_ones_stay(storage: Storage) -> None:
    for code in "abc":
        add(storage, code=code)
    assert storage.functions.current("ann", "f").digest == "c" * 64
    assert [version.version for version in storage.functions.versions("ann", "f")] == [3, 2, 1]
    assert storage.functions.roll_back("ann", "f", 1).version == 1
    assert storage.functions.current("ann", "f").digest == "a" * 64
    assert add(storage, code="d").version == 4
    assert storage.functions.current("ann", "f").version == 4


def test_users_have_names_of_their_own(storage: Storage) -> None:
    add(storage, "ann", "f", "a")
    add(storage, "bob", "f", "b")
    add(storage, "ann", "e", "b")
    assert [function.name for function in storage.functions.names("ann")] == ["e", "f"]
    assert storage.functions.current("bob", "f").digest == "b" * 64
    storage.functions.delete("bob", "f")
    assert storage.functions.names("bob") == []
    assert storage.functions.archive("b" * 64) == b"b"  # the other function has the same code


@pytest.mark.parametrize("number", [0, -1, 2, 1 << 63, 1 << 70])
def test_no_such_version(storage: Storage, number: int) -> None:
    add(storage)
    with pytest.raises(NotFound, match="has no version"):
        storage.functions.version("ann", "f", number)
    with pytest.raises(NotFound, match="has no version"):
        storage.functions.roll_back("ann", "f", number)
    assert storage.functions.current("ann", "f").version == 1


def test_no_such_function(storage: Storage) -> None:
    for ask in (storage.functions.current, storage.functions.versions, storage.functions.delete):
        with pytest.raises(NotFound, match="user ann has no function f"):
            ask("ann", "f")
    with pytest.raises(NotFound, match="no archive"):
        storage.functions.archive("0" * 64)
    with pytest.raises(InvalidName):
        storage.functions.current("ann", "../f")
    with pytest.raises(InvalidName):
        storage.functions.archive("../" + "0" * 61)
    with pytest.raises(InvalidName):
        add(storage, user="Ann")


def test_a_deleted_function_is_gone(storage: Storage) -> None:
    add(storage, code="a")
    add(storage, code="b")
    storage.functions.delete("ann", "f")
    for ask in (storage.functions.current, storage.functions.versions, storage.functions.delete):
        with pytest.raises(NotFound):
            ask("ann", "f")
    with pytest.raises(NotFound):
        storage.functions.version("ann", "f", 1)
    with pytest.raises(NotFound):
        storage.functions.archive("a" * 64)
    with pytest.raises(NotFound):
        storage.calls.submit(CallRequest(user="ann", function="f"))
    assert storage.functions.digests() == set()


def test_numbers_are_not_used_again(storage: Storage) -> None:
    add(storage, code="a")
    storage.functions.delete("ann", "f")
    assert add(storage, code="b").version == 2
    assert [version.version for version in storage.functions.versions("ann", "f")] == [2]
    with pytest.raises(NotFound):
        storage.functions.roll_back("ann", "f", 1)


def test_accepted_calls_keep_the_code_of_a_deleted_function(storage: Storage) -> None:
    add(storage, code="a")
    call = storage.calls.submit(CallRequest(user="ann", function="f"))
    storage.functions.delete("ann", "f")
    add(storage, code="b")
    assert storage.functions.version("ann", "f", 1).digest == "a" * 64
    assert storage.functions.archive("a" * 64) == b"a"
    assert [version.version for version in storage.functions.versions("ann", "f")] == [2]
    with pytest.raises(NotFound):
        storage.functions.roll_back("ann", "f", 1)
    claimed = storage.calls.claim("me", call.id, 10)
    assert claimed and claimed.version == 1
    storage.calls.prune(0)
    assert storage.functions.version("ann", "f", 1).version == 1
    storage.calls.finish(call.id, "me", Outcome())
    storage.calls.prune(3600)
    with pytest.raises(NotFound):
        storage.functions.version("ann", "f", 1)
    assert storage.functions.digests() == {"b" * 64}
    assert storage.calls.get(call.id).version == 1  # its result is still there


def test_a_token_tells_the_user(storage: Storage) -> None:
    token, other = storage.users.add("ann"), storage.users.add("root", admin=True)
    assert len(token) >= 40
    user = storage.users.authenticate(token)
    assert user and (user.name, user.admin) == ("ann", False)
    admin = storage.users.authenticate(other)
    assert admin and (admin.name, admin.admin) == ("root", True)
    assert [user.name for user in storage.users.list()] == ["ann", "root"]


@pytest.mark.parametrize("token", ["", "x", "ann", "\0", "\ud800", "x" * 100_000])
def test_other_tokens_tell_nothing(storage: Storage, token: str) -> None:
    storage.users.add("ann")
    assert storage.users.authenticate(token) is None


def test_a_token_can_be_renewed_and_removed(storage: Storage) -> None:
    first = storage.users.add("ann", admin=True)
    with pytest.raises(InvalidName, match="already"):
        storage.users.add("ann")
    second = storage.users.add("ann", renew=True)
    assert storage.users.authenticate(first) is None
    user = storage.users.authenticate(second)
    assert user and not user.admin
    storage.users.remove("ann")
    assert storage.users.authenticate(second) is None
    with pytest.raises(NotFound):
        storage.users.remove("ann")
    with pytest.raises(InvalidName):
        storage.users.add("Ann")


def test_tokens_are_not_on_disk(storage: Storage, tmp_path: Path) -> None:
    token = storage.users.add("ann")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if token.encode() in path.read_bytes()]
