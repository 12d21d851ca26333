"""Open the SQLite file, give transactions, and turn every error of SQLite into one of ours.

Write transactions begin as such (BEGIN IMMEDIATE): one that began by reading could not wait for another writer.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pywasm_runtime.functions.errors import FunctionError, InvalidName, StorageError
from pywasm_runtime.storage.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

FILE_NAME = "pywasm.sqlite"
BUSY_SECONDS = 10.0
_OLDEST_SQLITE = (3, 37)  # the first with STRICT tables
_KEPT_LOG_BYTES = 64 << 20
_making_file = threading.Lock()
_FOREIGN = "a database of another program; use another data folder"

Value = int | float | str | bytes | None
Values = Sequence[Value] | Mapping[str, Value]
Row = tuple[Value, ...]

_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk or the file's limit is full; nothing of this step was kept; make room and try again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; stop all that use it, and bring back a copy or move the file away",
    sqlite3.SQLITE_NOTADB: "the file is no database; bring back a copy, or move it away to begin anew",
    sqlite3.SQLITE_BUSY: "another process kept it for long; try again, or find which one hangs",
    sqlite3.SQLITE_READONLY: "it cannot be written; see who owns the file and its folder, and how it is mounted",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; see who owns the file and its folder, and how it is mounted",
    sqlite3.SQLITE_IOERR: "reading or writing failed; see whether the disk is full or failing",
    sqlite3.SQLITE_TOOBIG: "a value is larger than the file can hold",
}


class Database:
    """Hold the connection of one thread to the file, made with its tables if there is none.

    The file does not grow over `max_bytes` by this connection. Raises StorageError, in every method, for whatever
    keeps the file from being used.
    """

    def __init__(self, folder: Path, *, busy_seconds: float = BUSY_SECONDS, max_bytes: int | None = None) -> None:
        self.path = folder / FILE_NAME
        self._busy_seconds = busy_seconds
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old; Python needs one of 3.37 or newer")
        try:
            _make_file(self.path)
        except OSError as error:
            raise StorageError(f"{self.path}: {error}; see who owns the file and its folder") from None
        with self._translated():
            self._connection = sqlite3.connect(
                self.path, timeout=busy_seconds, isolation_level=None, cached_statements=256
            )
        try:
            self._file = _file_at(self.path)
            self._prepare(max_bytes)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; what was committed stays."""
        with self._translated():
            self._connection.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Do what the block does as one step: all of it, or nothing if an exception leaves the block."""
        self._check_file()
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def read(self) -> Iterator[None]:
        """Let the block see the file as it is at its first query, whatever others write meanwhile."""
        self._check_file()
        with self._transaction("BEGIN"):
            yield

    def execute(self, statement: str, values: Values = ()) -> int:
        """Run a statement; gives the number of rows that it changed."""
        with self._translated():
            return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Values) -> int:
        """Run an INSERT of one row; gives the row's number."""
        with self._translated():
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        """Give all rows of a query."""
        self._check_file()
        with self._translated():
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """Give the first row of a query."""
        self._check_file()
        with self._translated():
            # All rows are fetched: a statement that is not at its end would keep a view of the file open.
            found = self._connection.execute(statement, values).fetchall()
        return found[0] if found else None

    def number(self, statement: str, values: Values = ()) -> int:
        """Give the first value of a query as a number, 0 if there is none."""
        row = self.row(statement, values)
        return int(row[0] or 0) if row else 0

    def damaged(self, what: str) -> StorageError:
        """Make the error for a row whose content cannot be understood."""
        return StorageError(f"{self.path}: {what} is damaged; bring back a copy of the file")

    def _check_file(self) -> None:
        # SQLite would go on with the file that has no name any more, and all would be lost at the end.
        if _file_at(self.path) != self._file:
            raise StorageError(
                f"{self.path}: removed or replaced while it was in use; stop all that use it, and start again"
            )

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # The low byte is the kind of error, the rest tells more.
            code = getattr(error, "sqlite_errorcode", None)
            advice = _ADVICE.get(code & 0xFF) if isinstance(code, int) else None
            raise StorageError(f"{self.path}: {error}{f': {advice}' if advice else ''}") from error
        except OverflowError:
            raise FunctionError("a number is too large to be kept") from None
        except UnicodeEncodeError:
            raise InvalidName("text that is not valid Unicode cannot be kept") from None

    def _prepare(self, max_bytes: int | None) -> None:
        self.execute("PRAGMA synchronous = NORMAL")  # with WAL, only a crash of the machine can lose the last commits
        self.execute("PRAGMA foreign_keys = ON")
        self.execute(f"PRAGMA journal_size_limit = {_KEPT_LOG_BYTES}")
        if max_bytes is not None:
            self.execute(f"PRAGMA max_page_count = {max(max_bytes // self.number('PRAGMA page_size'), 1)}")
        self._make_tables()
        version = self._version()
        if self.number("PRAGMA application_id") != APPLICATION_ID:
            raise StorageError(f"{self.path}: {_FOREIGN}")
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"{self.path}: made by a newer pywasm (schema {version}, this one knows {SCHEMA_VERSION});"
                " use the newer one, or another data folder"
            )

    def _make_tables(self) -> None:
        """Make the tables and switch to WAL; SQLite does not wait by itself where two processes switch at once."""
        end = time.monotonic() + self._busy_seconds
        while True:
            try:
                if self._version() == 0:
                    self._create()
                self.execute("PRAGMA journal_mode = WAL")
                return
            except StorageError as error:
                cause = error.__cause__
                code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
                if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > end:
                    raise
            time.sleep(0.01)

    def _version(self) -> int:
        return self.number("PRAGMA user_version")

    def _create(self) -> None:
        # Lets `shrink` give pages back to the disk; it has an effect only before the first table.
        self.execute("PRAGMA auto_vacuum = INCREMENTAL")
        with self.write():
            if self._version():
                return  # another process was first
            if self.row("SELECT 1 FROM sqlite_schema"):
                raise StorageError(f"{self.path}: {_FOREIGN}")
            for statement in _statements(TABLES):
                self.execute(statement)
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _make_file(path: Path) -> None:
    """Make an empty file, which only its owner can read, if there is none; SQLite gives its other files that mode.

    A file that exists is not opened: closing any descriptor of it takes the locks away that other connections of
    this process have, and then another process that closes the file deletes the log that they write to.
    """
    with _making_file:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _file_at(path: Path) -> tuple[int, int] | None:
    """Tell which file has this name now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _statements(script: str) -> list[str]:
    # executescript would commit by itself.
    return [statement for statement in script.split(";\n") if statement.strip()]
