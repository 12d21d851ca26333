"""Keep functions: their versions, and the archives of their code, each once for all that have the same."""

import time

from pywasm_runtime.functions.errors import FunctionError, NotFound
from pywasm_runtime.functions.model import FunctionSettings, FunctionVersion
from pywasm_runtime.functions.names import check_digest, check_function, check_user, did_you_mean
from pywasm_runtime.functions.settings import settings_from_text, settings_to_text
from pywasm_runtime.storage.database import Database, Row

_LARGEST_VERSION = (1 << 63) - 1

_COLUMNS = "f.user, f.name, v.version, v.digest, v.settings, v.created, v.no_image"
_FROM = f"SELECT {_COLUMNS} FROM functions f JOIN versions v ON v.function = f.id"

# Calls that were accepted before a function was deleted still run.
NEEDED = """EXISTS (SELECT 1 FROM calls c WHERE c.ended IS NULL
    AND c.user = f.user AND c.function = f.name AND c.version = v.version)"""


class Functions:
    """Add, find and delete functions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_version(
        self, user: str, name: str, *, digest: str, archive: bytes, settings: FunctionSettings, no_image: str = ""
    ) -> FunctionVersion:
        """Keep new code and make it the current version; its number is one more than any before had."""
        values = _checked(user, name)
        check_digest(digest)
        text, now = settings_to_text(settings), time.time()
        with self._database.write():
            self._database.execute("INSERT OR IGNORE INTO archives VALUES (?, ?)", (digest, archive))
            ((function, version),) = self._database.rows(
                "INSERT INTO functions (user, name, current, latest) VALUES (?, ?, 1, 1) ON CONFLICT (user, name)"
                " DO UPDATE SET current = latest + 1, latest = latest + 1 RETURNING id, latest",
                values,
            )
            self._database.execute(
                "INSERT INTO versions (function, version, digest, settings, created, no_image)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (function, version, digest, text, now, no_image),
            )
            return self.version(user, name, int(version or 0))

    def current(self, user: str, name: str) -> FunctionVersion:
        """Give the version that new calls run; raises NotFound."""
        where = "v.version = f.current WHERE f.user = ? AND f.name = ?"
        row = self._database.row(f"{_FROM} AND {where}", _checked(user, name))
        if row is None:
            raise self._no_function(user, name)
        return self._read(row)

    def version(self, user: str, name: str, number: int) -> FunctionVersion:
        """Give a version; one of a deleted function only as long as an accepted call needs it. Raises NotFound."""
        values, row = _checked(user, name), None
        if 0 < number <= _LARGEST_VERSION:
            row = self._database.row(
                f"{_FROM} WHERE f.user = ? AND f.name = ? AND v.version = ? AND (NOT v.deleted OR {NEEDED})",
                (*values, number),
            )
        if row is None:
            raise NotFound(f"function {user}/{name} has no version {number}")
        return self._read(row)

    def _no_function(self, user: str, name: str) -> NotFound:
        known = "SELECT name FROM functions WHERE user = ? AND current IS NOT NULL LIMIT 1000"
        rows = self._database.rows(known, (user,))
        near = did_you_mean(name, [str(row[0]) for row in rows])
        return NotFound(f"user {user} has no function {name}{near}; upload it first")

    def versions(self, user: str, name: str) -> list[FunctionVersion]:
        """Give all versions, the newest first; raises NotFound if there is no such function."""
        where = "f.user = ? AND f.name = ? AND NOT v.deleted"
        rows = self._database.rows(f"{_FROM} WHERE {where} ORDER BY v.version DESC", _checked(user, name))
        if not rows:
            raise self._no_function(user, name)
        return [self._read(row) for row in rows]

    def names(self, user: str) -> list[FunctionVersion]:
        """Give the current versions of all functions of a user, by name."""
        rows = self._database.rows(
            f"{_FROM} AND v.version = f.current WHERE f.user = ? ORDER BY f.name", (check_user(user),)
        )
        return [self._read(row) for row in rows]

    def archive(self, digest: str) -> bytes:
        """Give an archive by the digest of its content; raises NotFound."""
        row = self._database.row("SELECT content FROM archives WHERE digest = ?", (check_digest(digest),))
        if row is None or not isinstance(row[0], bytes):
            raise NotFound(f"no archive {digest} is kept; its function was deleted")
        return row[0]

    def roll_back(self, user: str, name: str, number: int) -> FunctionVersion:
        """Make an older version the current one again; raises NotFound."""
        values = _checked(user, name)
        with self._database.write():
            changed = 0 < number <= _LARGEST_VERSION and self._database.execute(
                "UPDATE functions AS f SET current = ?3 WHERE f.user = ?1 AND f.name = ?2 AND EXISTS"
                " (SELECT 1 FROM versions v WHERE v.function = f.id AND v.version = ?3 AND NOT v.deleted)",
                (*values, number),
            )
            if not changed:
                raise NotFound(f"function {user}/{name} has no version {number}")
            return self.version(user, name, number)

    def delete(self, user: str, name: str) -> None:
        """Delete a function with all versions; accepted calls still run. Raises NotFound."""
        values = _checked(user, name)
        with self._database.write():
            changed = self._database.execute(
                "UPDATE functions SET current = NULL WHERE user = ? AND name = ? AND current IS NOT NULL", values
            )
            if not changed:
                raise self._no_function(user, name)
            self._database.execute(
                "UPDATE versions SET deleted = 1 WHERE function ="
                " (SELECT id FROM functions WHERE user = ? AND name = ?)",
                values,
            )
            remove_unneeded(self._database)

    def digests(self) -> set[str]:
        """Give the digests of all archives that are kept; code unpacked for any other may go."""
        return {str(row[0]) for row in self._database.rows("SELECT digest FROM archives")}

    def _read(self, row: Row) -> FunctionVersion:
        user, name, version, digest, settings, created, no_image = row
        try:
            return FunctionVersion(
                user=str(user),
                name=str(name),
                version=int(version or 0),
                digest=check_digest(digest),
                settings=settings_from_text(str(settings)),
                created=float(created or 0),
                no_image=str(no_image),
            )
        except FunctionError:
            raise self._database.damaged(f"version {version!r} of function {user!r} {name!r}") from None


def remove_unneeded(database: Database) -> None:
    """Remove, within a transaction, the deleted versions that no call needs, and archives that no version has."""
    database.execute(
        "DELETE FROM versions WHERE (function, version) IN (SELECT v.function, v.version"
        f" FROM versions v JOIN functions f ON f.id = v.function WHERE v.deleted AND NOT {NEEDED})"
    )
    database.execute("DELETE FROM archives WHERE digest NOT IN (SELECT digest FROM versions)")


def _checked(user: str, name: str) -> tuple[str, str]:
    return check_user(user), check_function(name)
