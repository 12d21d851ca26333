"""A service in memory that implements what the server needs; what a call does is said by its function's name.

echo: the output is the input. fail: the entry raises. slow: does not end until `release` is set. full: the queue is
full. broken: a defect of the service. Anything else: an empty output.
"""

import asyncio
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

from pywasm_runtime.functions import archive as archives
from pywasm_runtime.functions.errors import Busy, NotFound, UploadRefused
from pywasm_runtime.functions.model import (
    Call,
    CallRequest,
    CallState,
    Failure,
    FunctionSettings,
    FunctionVersion,
    Outcome,
)
from pywasm_runtime.functions.names import check_call_id, check_entry, check_function, check_key, check_user
from pywasm_runtime.functions.statistics import BOUNDS_SECONDS, Histogram, Statistics, WorkerStatus
from pywasm_runtime.storage.users import User

TRACEBACK = 'Traceback (most recent call last):\n  File "/function/fail.py", line 2, in main\nValueError: <b>no</b>\n'
TOKENS = {"alice-token": ("alice", False), "bob-token": ("bob", False), "root-token": ("root", True)}


STATISTICS = Statistics(
    running=1,
    waiting=2,
    queued=3,
    ready=6,
    restarts=5,
    workers=(WorkerStatus(pid=1, call_id="", ready=6),),
    ended={"": 7, "wall time": 1},
    durations=tuple((number / 1000, number / 500) for number in range(1, 101)),
    in_sandbox=Histogram(counts=(5, 2, *[0] * (len(BOUNDS_SECONDS) - 2), 1), total=400.5),
)


class FakeFunctions:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], list[FunctionVersion]] = {}
        self.current: dict[tuple[str, str], int] = {}
        self.calls: dict[str, Call] = {}
        self.state: dict[tuple[str, str], bytes] = {}
        self.release = asyncio.Event()
        self.authenticated = 0
        self.tokens = dict(TOKENS)
        self.drained: float | None = None
        self._numbers = itertools.count()

    async def authenticate(self, token: str) -> User | None:
        self.authenticated += 1
        known = self.tokens.get(token)
        return User(name=known[0], admin=known[1], created=1.0) if known else None

    async def users(self) -> Sequence[User]:
        return [User(name=name, admin=admin, created=1.0) for name, admin in sorted(self.tokens.values())]

    async def add_user(self, name: str, *, admin: bool = False) -> str:
        self.tokens["new-token"] = (check_user(name), admin)
        return "new-token"

    async def drain(self, timeout: float) -> None:
        self.drained = timeout

    async def upload(self, user: str, name: str, archive: bytes, settings: FunctionSettings) -> FunctionVersion:
        files = archives.read_zip(archive)
        source = b"".join(files.values())
        if b"import missing" in source:
            raise UploadRefused(f"{name}.py cannot be imported: no module named 'missing'", TRACEBACK)
        versions = self.kept.setdefault((check_user(user), check_function(name)), [])
        made = FunctionVersion(
            user=user,
            name=name,
            version=len(versions) + 1,
            digest=hashlib.sha256(source).hexdigest(),
            settings=settings,
            created=1.0,
        )
        versions.append(made)
        self.current[user, name] = made.version
        return made

    async def submit(self, request: CallRequest) -> Call:
        function = await self.function(request.user, request.function, request.version)
        if request.function == "full":
            raise Busy("1000 calls are queued already; try again later", 2.5)
        if request.function == "broken":
            raise RuntimeError("a secret of the service")
        entry = function.settings.entry if request.entry is None else check_entry(request.entry)
        number = next(self._numbers)
        call = Call(
            id=f"{number:032x}",
            user=request.user,
            function=request.function,
            version=function.version,
            entry=entry,
            input=request.input,
            state=CallState.QUEUED,
            created=1.0 + number,
        )
        self.calls[call.id] = call
        return call

    async def invoke(self, request: CallRequest) -> Call:
        return await self.wait((await self.submit(request)).id)

    async def wait(self, call_id: str, seconds: float | None = None) -> Call:
        call = await self.call(None, call_id)
        if call.function == "slow":
            try:
                async with asyncio.timeout(seconds):
                    await self.release.wait()
            except TimeoutError:
                return call
        self.calls[call_id] = ended = _end(call)
        return ended

    async def functions(self, user: str) -> Sequence[FunctionVersion]:
        return [await self.function(*key) for key in self.current if key[0] == user]

    async def function(self, user: str, name: str, version: int | None = None) -> FunctionVersion:
        check_user(user), check_function(name)
        wanted = self.current.get((user, name)) if version is None else version
        for kept in self.kept.get((user, name), []):
            if kept.version == wanted and (user, name) in self.current:
                return kept
        raise NotFound(f"there is no function {user}/{name}" + ("" if version is None else f", version {version}"))

    async def versions(self, user: str, name: str) -> Sequence[FunctionVersion]:
        await self.function(user, name)
        return self.kept[user, name]

    async def roll_back(self, user: str, name: str, version: int) -> FunctionVersion:
        found = await self.function(user, name, version)
        self.current[user, name] = version
        return found

    async def delete(self, user: str, name: str) -> None:
        await self.function(user, name)
        del self.current[user, name]

    async def call(self, user: str | None, call_id: str) -> Call:
        call = self.calls.get(check_call_id(call_id))
        if call is None or user not in (None, call.user):
            raise NotFound(f"there is no call {call_id} (any more)")
        return call

    async def recent(self, user: str | None, limit: int) -> Sequence[Call]:
        newest = [call for call in reversed(self.calls.values()) if user in (None, call.user)]
        return [_without_bytes(call) for call in newest[:limit]]

    async def read_state(self, user: str, key: str) -> bytes:
        if (user, check_key(key)) not in self.state:
            raise NotFound(f"there is no state key {key!r} in the global tier")
        return self.state[user, key]

    async def write_state(self, user: str, key: str, data: bytes) -> None:
        self.state[check_user(user), check_key(key)] = data

    async def delete_state(self, user: str, key: str) -> None:
        await self.read_state(user, key)
        del self.state[user, key]

    def statistics(self) -> Statistics:
        return STATISTICS


def _end(call: Call) -> Call:
    if call.function == "fail":
        outcome = Outcome(
            status=1,
            failure=Failure.EXCEPTION,
            error="ValueError: <b>no</b>",
            traceback=TRACEBACK,
            output=b"half",
            stderr=b"\xffoops\n",
            seconds=0.25,
        )
    else:
        output = call.input if call.function in ("echo", "slow") else b""
        outcome = Outcome(output=output, stdout=b"hello\n", seconds=0.002, memory_bytes=20 << 20)
    state = CallState.FAILED if outcome.failure else CallState.SUCCEEDED
    return replace(call, state=state, started=call.created, ended=call.created + 1, attempt=1, outcome=outcome)


def _without_bytes(call: Call) -> Call:
    outcome = call.outcome and replace(call.outcome, output=b"", stdout=b"", stderr=b"", traceback="")
    return replace(call, input=b"", outcome=outcome)
