"""The file of the storage: made once, refused if it is not ours, and every failure told in words."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pywasm_runtime.functions.errors import FunctionError, InvalidName, NotFound, StorageError
from pywasm_runtime.functions.model import CallRequest, FunctionSettings
from pywasm_runtime.storage import Storage, StorageThread
from pywasm_runtime.storage.database import FILE_NAME, Database
from pywasm_runtime.storage.schema import SCHEMA_VERSION

OPEN_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
connection.close()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    with closing(Database(folder)) as database:
        yield database


def add_function(storage: Storage, user: str = "ann", name: str = "f", archive: bytes = b"zip") -> None:
    storage.functions.add_version(user, name, digest="a" * 64, archive=archive, settings=FunctionSettings())


def schema_version(folder: Path) -> int:
    with closing(Database(folder)) as database:
        return database.number("PRAGMA user_version")


def test_the_folder_is_private(folder: Path) -> None:
    with Storage(folder) as storage:
        storage.users.add("ann")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_opening_it_again_keeps_the_locks_of_the_process(folder: Path) -> None:
    with closing(Database(folder)) as first:
        with closing(Database(folder)):
            pass  # closing any descriptor of the file would give back the locks that `first` has on it
        subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, str(folder / FILE_NAME)], check=True)
        # A process that takes itself for the last one deletes the log, with all that is in it.
        assert (folder / f"{FILE_NAME}-wal").exists()
        first.execute("CREATE TABLE after (number INTEGER)")
    with closing(Database(folder)) as database:
        assert database.rows("SELECT name FROM sqlite_schema WHERE name = 'after'") == [("after",)]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_removed_in_use_is_told(folder: Path, replaced: bool) -> None:
    with Storage(folder) as storage:
        add_function(storage)
        for path in list(folder.iterdir()):
            path.unlink()
        if replaced:
            with Storage(folder) as other:
                add_function(other)
        with pytest.raises(StorageError, match="removed or replaced while it was in use"):
            storage.calls.submit(CallRequest(user="ann", function="f"))
        with pytest.raises(StorageError, match="removed or replaced"):
            storage.functions.names("ann")


def test_many_threads_make_the_file_at_once(folder: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        versions = threads.map(lambda _: schema_version(folder), range(8))
        assert set(versions) == {SCHEMA_VERSION}
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_what_was_written_is_there_the_next_time(folder: Path) -> None:
    with Storage(folder) as storage:
        add_function(storage)
    with Storage(folder) as storage:
        assert storage.functions.current("ann", "f").version == 1
        with pytest.raises(StorageError, match=r"pywasm\.sqlite"):
            storage.close()
            storage.functions.current("ann", "f")


def test_a_newer_file_is_refused(folder: Path) -> None:
    Storage(folder).close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match=r"made by a newer pywasm \(schema 99"):
        Storage(folder)


@pytest.mark.parametrize("version", [0, 1, 5])
def test_the_file_of_another_program_is_refused(folder: Path, version: int) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StorageError, match=r"another program|newer"):
        Storage(folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_named(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(content)
    with pytest.raises(StorageError, match=r"pywasm\.sqlite.*bring back a copy"):
        Storage(folder)
    assert (folder / FILE_NAME).read_bytes() == content


def test_damage_within_the_file_is_our_error(folder: Path) -> None:
    with Storage(folder) as storage:
        for number in range(50):
            add_function(storage, name=f"f{number}", archive=os.urandom(10_000))
            storage.state.write("ann", f"k{number}", os.urandom(10_000))
    path = folder / FILE_NAME
    raw = bytearray(path.read_bytes())
    raw[4096:] = os.urandom(len(raw) - 4096)
    path.write_bytes(raw)
    with pytest.raises(StorageError, match=r"pywasm\.sqlite.*damaged"), Storage(folder) as storage:
        storage.state.read("ann", "k1")


def test_a_damaged_row_is_our_error(folder: Path) -> None:
    with Storage(folder) as storage:
        add_function(storage)
        call = storage.calls.submit(CallRequest(user="ann", function="f"))
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("UPDATE versions SET settings = '{\"limits\": 1}'")
        connection.execute("UPDATE calls SET state = 'odd'")
        connection.commit()
    with Storage(folder) as storage:
        with pytest.raises(StorageError, match="function 'ann' 'f' is damaged"):
            storage.functions.current("ann", "f")
        with pytest.raises(StorageError, match="is damaged"):
            storage.calls.get(call.id)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"):
        Storage(tmp_path / "file")


def test_a_full_disk_is_told_and_nothing_is_half_written(folder: Path) -> None:
    with Storage(folder, max_bytes=1 << 20) as storage:
        storage.state.write("ann", "k", b"a" * 100_000)
        with pytest.raises(StorageError, match="full"):
            storage.state.write("ann", "k", os.urandom(2 << 20))
        assert storage.state.read("ann", "k") == b"a" * 100_000
        assert storage.state.usage("ann") == 100_000
        with pytest.raises(StorageError, match="full"):
            add_function(storage, archive=os.urandom(2 << 20))
        with pytest.raises(NotFound):
            storage.functions.current("ann", "f")
        add_function(storage)
        with pytest.raises(StorageError, match="full"):
            storage.calls.submit(CallRequest(user="ann", function="f", input=os.urandom(2 << 20)))
        assert storage.calls.recent(None, 10) == []
        # Room that was given back can be used again.
        storage.state.delete("ann", "k")
        assert storage.calls.submit(CallRequest(user="ann", function="f", input=b"a" * 90_000)).input == b"a" * 90_000


def test_a_writer_that_hangs_is_told(folder: Path) -> None:
    with Storage(folder, busy_seconds=0.05) as storage:
        add_function(storage)
        with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="another process kept it"):
                storage.users.add("ann")
            assert storage.functions.current("ann", "f").version == 1  # reading goes on
            other.execute("ROLLBACK")
        storage.users.add("ann")


def test_a_block_is_one_step(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write():
        database.execute("INSERT INTO archives VALUES ('a', x'00')")
        raise RuntimeError
    assert database.rows("SELECT * FROM archives") == []
    with database.write():
        database.execute("INSERT INTO archives VALUES ('a', x'00')")
    assert database.number("SELECT count(*) FROM archives") == 1


def test_a_reader_sees_one_state(folder: Path, database: Database) -> None:
    with closing(Database(folder)) as other, database.read():
        assert database.number("SELECT count(*) FROM archives") == 0
        other.execute("INSERT INTO archives VALUES ('a', x'00')")
        assert database.number("SELECT count(*) FROM archives") == 0


def test_values_that_sqlite_cannot_hold(database: Database) -> None:
    with pytest.raises(FunctionError, match="too large"):
        database.rows("SELECT ?", (1 << 64,))
    with pytest.raises(InvalidName):
        database.rows("SELECT ?", ("\ud800",))


def test_a_storage_is_of_one_thread(folder: Path) -> None:
    failures: list[BaseException] = []

    def use(storage: Storage) -> None:
        try:
            storage.users.list()
        except StorageError as error:
            failures.append(error)

    with Storage(folder) as storage:
        thread = threading.Thread(target=use, args=(storage,))
        thread.start()
        thread.join()
    assert len(failures) == 1


def test_an_old_sqlite_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StorageError, match="too old"):
        Storage(folder)


def test_a_thread_serves_asyncio(folder: Path) -> None:
    async def use() -> list[str]:
        with StorageThread(folder) as thread:
            names = [f"user{number}" for number in range(20)]
            tokens = await asyncio.gather(*(thread.run(partial(add_user, name)) for name in names))
            users = await asyncio.gather(*(thread.run(partial(whose, token)) for token in tokens))
            with pytest.raises(InvalidName):
                await thread.run(partial(add_user, "user1"))
        with pytest.raises(StorageError, match="closed"):
            await thread.run(partial(add_user, "late"))
        thread.close()
        return users

    assert asyncio.run(use()) == [f"user{number}" for number in range(20)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("storage")]


def add_user(name: str, storage: Storage) -> str:
    return storage.users.add(name)


def whose(token: str, storage: Storage) -> str:
    user = storage.users.authenticate(token)
    return user.name if user else ""


def test_a_thread_says_at_once_that_it_cannot_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        StorageThread(tmp_path / "file")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("storage")]


def test_a_step_ends_though_nobody_waits(folder: Path) -> None:
    async def use() -> list[str]:
        with StorageThread(folder) as thread:
            begun, go_on = threading.Event(), threading.Event()

            def slow(storage: Storage) -> None:
                begun.set()
                go_on.wait(10)
                storage.users.add("ann")

            task = asyncio.create_task(thread.run(slow))
            await asyncio.to_thread(begun.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()
            return [user.name for user in await thread.run(lambda storage: storage.users.list())]

    assert asyncio.run(use()) == ["ann"]
