"""Know who asks: a token stands for a user; one of an admin may act for all users."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from pywasm_runtime.functions.errors import Denied
from pywasm_runtime.functions.names import check_user, quote
from pywasm_runtime.server.failures import UnknownToken
from pywasm_runtime.storage.users import User

_MAX_KEPT = 1000
_MAX_TOKEN = 512
_ADVICE = "send the header 'Authorization: Bearer TOKEN'; an admin makes tokens with: bin/inv func.token"
bearer = HTTPBearer(auto_error=False, description="A user's token")


class Tokens:
    """Recognise tokens; a good one is good for `seconds` without asking again, a removed one for no longer."""

    def __init__(self, authenticate: Callable[[str], Awaitable[User | None]], seconds: float) -> None:
        self._authenticate = authenticate
        self._seconds = seconds
        self._known: dict[bytes, tuple[User, float]] = {}

    async def user(self, token: str) -> User:
        """Give the user whose token this is; UnknownToken if it is nobody's."""
        key, now = hashlib.sha256(token.encode(errors="surrogatepass")).digest(), time.monotonic()
        user, until = self._known.get(key, (None, 0.0))
        if user is None or until <= now:
            self._known.pop(key, None)
            user = await self._authenticate(token) if 0 < len(token) <= _MAX_TOKEN else None
            if user is None:
                raise UnknownToken(f"this token is not known; {_ADVICE}")
            if len(self._known) >= _MAX_KEPT:
                self._known.clear()
            self._known[key] = user, now + self._seconds
        return user


async def recognise(tokens: Tokens, credentials: HTTPAuthorizationCredentials | None) -> User:
    """Give the user whose token a request has; UnknownToken if it has none that is known."""
    if credentials is None:
        raise UnknownToken(f"this needs a token; {_ADVICE}")
    return await tokens.user(credentials.credentials)


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> User:
    return await recognise(request.app.state.tokens, credentials)


Caller = Annotated[User, Depends(_caller)]
"""The user whose token a request has."""


def permit(caller: User, user: str) -> str:
    """Give the name of the user that a request is about, if the caller may act for that one; else Denied."""
    check_user(user)
    if user != caller.name and not caller.admin:
        raise Denied(f"the token is of user {caller.name}, who may not act for {quote(user)}")
    return user


async def _owner(
    caller: Caller,
    user: Annotated[
        str, Path(description="A user's name", json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9_-]{0,62}$"})
    ],
) -> str:
    return permit(caller, user)


Owner = Annotated[str, Depends(_owner)]
"""The user in the path, for whom the caller may act."""
