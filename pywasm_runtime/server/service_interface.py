"""Say what the server needs of the service that keeps and runs functions: FunctionService is one."""

from collections.abc import Sequence
from typing import Protocol

from pywasm_runtime.functions.model import Call, CallRequest, FunctionSettings, FunctionVersion
from pywasm_runtime.functions.statistics import Statistics
from pywasm_runtime.storage.users import User


class Functions(Protocol):
    """Keep functions, calls and state, and run the calls. All methods raise FunctionError for what they refuse."""

    async def authenticate(self, token: str) -> User | None:
        """Give the user whose token this is."""
        ...

    async def users(self) -> Sequence[User]:
        """Give all users."""
        ...

    async def upload(self, user: str, name: str, archive: bytes, settings: FunctionSettings) -> FunctionVersion:
        """Check code and make it the function's current version."""
        ...

    async def submit(self, request: CallRequest) -> Call:
        """Accept a call."""
        ...

    async def invoke(self, request: CallRequest) -> Call:
        """Accept a call and wait for its end."""
        ...

    async def wait(self, call_id: str, seconds: float | None = None) -> Call:
        """Give a call when it has ended, or as it is after `seconds`."""
        ...

    async def functions(self, user: str) -> Sequence[FunctionVersion]:
        """Give the current versions of a user's functions."""
        ...

    async def function(self, user: str, name: str, version: int | None = None) -> FunctionVersion:
        """Give one version, by default the current one."""
        ...

    async def versions(self, user: str, name: str) -> Sequence[FunctionVersion]:
        """Give all versions of a function."""
        ...

    async def roll_back(self, user: str, name: str, version: int) -> FunctionVersion:
        """Make an earlier version the current one again."""
        ...

    async def delete(self, user: str, name: str) -> None:
        """Delete a function."""
        ...

    async def call(self, user: str | None, call_id: str) -> Call:
        """Give a call with everything; with `user` only if it is that one's."""
        ...

    async def recent(self, user: str | None, limit: int) -> Sequence[Call]:
        """Give the newest calls of one user or of all, without input, output, logs and traceback."""
        ...

    async def read_state(self, user: str, key: str) -> bytes:
        """Give the value of a state key from the global tier."""
        ...

    async def write_state(self, user: str, key: str, data: bytes) -> None:
        """Set the value of a state key in the global tier."""
        ...

    async def delete_state(self, user: str, key: str) -> None:
        """Remove a state key from the global tier; NotFound if there is none."""
        ...

    def statistics(self) -> Statistics:
        """Count what runs and waits."""
        ...
