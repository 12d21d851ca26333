"""Keep users and the digests of their tokens; the tokens themselves are shown once and not kept."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from pywasm_runtime.functions.errors import InvalidName, NotFound
from pywasm_runtime.functions.names import check_user
from pywasm_runtime.storage.database import Database, Row

_TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class User:
    """Hold a user; one that is `admin` may act for all. `created` is in seconds since the epoch."""

    name: str
    admin: bool
    created: float


class Users:
    """Add, recognise and remove users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, *, admin: bool = False, renew: bool = False) -> str:
        """Add a user and give the token; with `renew` a known user gets a new one, and the old one ends.

        Raises InvalidName if the user is known and `renew` is not set.
        """
        check_user(name)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        values = (name, _digest(token), int(admin), time.time())
        with self._database.write():
            if self._database.row("SELECT 1 FROM users WHERE name = ?", (name,)) and not renew:
                raise InvalidName(f"there is a user {name} already; --renew gives a new token and ends the old one")
            self._database.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET token_sha256 = excluded.token_sha256, admin = excluded.admin",
                values,
            )
        return token

    def authenticate(self, token: str) -> User | None:
        """Give the user whose token this is."""
        row = self._database.row("SELECT name, admin, created FROM users WHERE token_sha256 = ?", (_digest(token),))
        return _user(row) if row else None

    def list(self) -> list[User]:
        """Give all users by name."""
        return [_user(row) for row in self._database.rows("SELECT name, admin, created FROM users ORDER BY name")]

    def remove(self, name: str) -> None:
        """Remove a user, so that the token ends; what the user uploaded stays. Raises NotFound."""
        if not self._database.execute("DELETE FROM users WHERE name = ?", (check_user(name),)):
            raise NotFound(f"there is no user {name}")


def _digest(token: str) -> bytes:
    # A token has 256 random bits: a slow hash would add nothing, and looking it up tells nothing by its time.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _user(row: Row) -> User:
    name, admin, created = row
    return User(name=str(name), admin=bool(admin), created=float(created or 0))
