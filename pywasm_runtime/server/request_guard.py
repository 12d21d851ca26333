"""Bound what requests may take: how many at once, the size of bodies one by one and together, the time a body takes.

This is plain ASGI around the application: a request that is within its bounds costs a few additions.
"""

import asyncio
from collections import Counter
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pywasm_runtime.functions.errors import Busy, InvalidName, LimitExceeded
from pywasm_runtime.server.failures import SlowBody, error_response
from pywasm_runtime.server.settings import ServerSettings

_UNBOUNDED = ("/healthz", "/ping", "/metrics")
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE"})


class RequestGuard:
    """Pass requests on to an application, within bounds; `answered` counts them by method, route and status."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, answered: Counter[tuple[str, str, int]]) -> None:
        self._app = app
        self._settings = settings
        self._answered = answered
        self.running = 0
        self.buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self, self._settings, scope, receive)
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.running += 1
        try:
            await self._admitted(scope)(scope, body.receive, note_status)
        finally:
            self.running -= 1
            self.buffered -= body.size
            self._count(scope, status or HTTPStatus.INTERNAL_SERVER_ERROR)

    def _admitted(self, scope: Scope) -> ASGIApp:
        if "\N{REPLACEMENT CHARACTER}" in scope["path"] and not _is_utf8(scope):
            # The web server has put that character in place of each wrong byte, which makes one key of many.
            return error_response(InvalidName("the address has bytes that are not UTF-8"))
        if self.running <= self._settings.requests or scope["path"] in _UNBOUNDED:
            return self._app
        return error_response(Busy(f"{self._settings.requests} requests are being answered; try again later"))

    def _count(self, scope: Scope, status: int) -> None:
        # Only what is known becomes a label: whoever asks for random paths must not fill the memory with names.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._answered[method, route, int(status)] += 1


class _Body:
    """Receive one request's body; what is too much or too slow becomes an error in whoever reads it."""

    def __init__(self, guard: RequestGuard, settings: ServerSettings, scope: Scope, receive: Receive) -> None:
        self._guard = guard
        self._settings = settings
        self._scope = scope
        self._receive = receive
        self._deadline: float | None = None
        self._complete = False
        self.size = 0

    async def receive(self) -> Message:
        """Give the next message, as ASGI has it."""
        if self._complete:
            return await self._receive()
        message = await self._in_time()
        self._complete = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self.size += size
        self._guard.buffered += size
        self._check(self.size)
        if self._guard.buffered > self._settings.buffered_bytes:
            raise Busy("the bodies of all requests together fill the memory set aside for them; try again later")
        return message

    async def _in_time(self) -> Message:
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._check(_announced(self._scope))
            self._deadline = now + self._settings.body_seconds
        try:
            async with asyncio.timeout_at(min(self._deadline, now + self._settings.body_idle_seconds)):
                return await self._receive()
        except TimeoutError:
            raise SlowBody(f"the request's body stopped after {self.size} bytes; send it again") from None

    def _check(self, size: int) -> None:
        if size > self._settings.body_bytes:
            raise LimitExceeded(
                f"the request's body is larger than this server takes: {self._settings.body_bytes} bytes"
            )


def _is_utf8(scope: Scope) -> bool:
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _announced(scope: Scope) -> int:
    """Give the size that the headers say, 0 if none; the web server has seen to it that it is a number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
