"""Make the first user of a data folder, an admin, so that somebody can use the server at all."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pywasm_runtime.errors import UsageError
from pywasm_runtime.storage.users import User

FIRST_USER = "pywasm"


class Users(Protocol):
    """Keep users: FunctionService does."""

    async def users(self) -> Sequence[User]:
        """Give all users."""
        ...

    async def add_user(self, name: str, *, admin: bool = False) -> str:
        """Add a user and give the token."""
        ...


async def make_first_user(users: Users, token_file: Path | None) -> None:
    """Add an admin where there are no users; show the token once, or write it into a file that only its owner reads.

    UsageError if the file is there already or cannot be made; then there is no user either.
    """
    if await users.users():
        if token_file is not None and not token_file.exists():
            _say(
                f"{token_file} was not written: there are users already, and tokens are not kept;"
                f" a new one: bin/inv func.token --user {FIRST_USER} --admin --renew"
            )
        return
    if token_file is None:
        token = await users.add_user(FIRST_USER, admin=True)
        _say(f"made the admin {FIRST_USER}; this token is shown once and not kept:\n  {token}")
        return
    try:
        descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"--token-file {token_file}: {error.strerror}; name a file that is not there yet") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(await users.add_user(FIRST_USER, admin=True) + "\n")
    _say(f"made the admin {FIRST_USER}; the token is in {token_file}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
