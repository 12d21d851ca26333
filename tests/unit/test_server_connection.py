"""Connections as clients should not use them, to a real server in this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.model import FunctionSettings
from pywasm_runtime.server.address import listen
from pywasm_runtime.server.app import create_app
from pywasm_runtime.server.connection import BoundedConnection
from tests.unit.fake_functions import FakeFunctions
from tests.unit.server_client import ALICE

_LONGEST = 30.0


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def started(service: FakeFunctions, **bounds: object) -> AsyncIterator[tuple[_Server, int]]:
    """Serve with connections of these bounds; gives the server and its port."""
    kind = type("Connection", (BoundedConnection,), {"look_seconds": 0.05, **bounds})
    config = uvicorn.Config(create_app(service), http=kind, ws="none", lifespan="off", log_config=None)
    server = _Server(config)
    with listen("127.0.0.1", 0, allow_remote=False) as listener:
        port: int = listener.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield server, port
        finally:
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def served(service: FakeFunctions, **bounds: object) -> AsyncIterator[int]:
    async with started(service, **bounds) as (_, port):
        yield port


async def connected(server: _Server, number: int) -> None:
    """Wait until a server has this many connections."""
    while len(server.server_state.connections) != number:
        await asyncio.sleep(0.01)


async def talk(port: int, send: bytes) -> bytes:
    """Send bytes and give all that comes until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(send)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def within(body: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(_LONGEST):
            await body()

    asyncio.run(bounded())


def test_headers_that_never_end() -> None:
    async def body() -> None:
        async with served(FakeFunctions()) as port:
            assert await talk(port, b"GET /ping HTTP/1.1\r\nHost: x\r\n") == b""
            assert await talk(port, b"") == b""

    within(body)


def test_headers_that_dribble() -> None:
    async def body() -> None:
        async with served(FakeFunctions()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            ended = asyncio.create_task(reader.read())
            while not ended.done():
                writer.write(b"a")
                await asyncio.sleep(0.02)
            await asyncio.gather(ended, return_exceptions=True)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    within(body)


def test_what_is_no_http_and_what_is_too_long() -> None:
    async def body() -> None:
        async with served(FakeFunctions()) as port:
            for sent in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
                assert b" 400 " in await talk(port, sent)
            long = b"GET /ping HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 300_000
            assert b" 200 " not in await talk(port, long)
            twice = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
            assert b" 400 " in await talk(port, twice)

    within(body)


def test_an_answer_that_nobody_reads() -> None:
    async def body() -> None:
        service = FakeFunctions()
        await service.write_state("alice", "large", b"x" * (64 << 20))
        async with started(service) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            request = f"GET /s/alice/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n\r\n"
            writer.write(request.encode())
            await connected(server, 1)
            # The server ends it by itself.
            await connected(server, 0)
            read = 0
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(1 << 20):
                    read += len(piece)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            assert 0 < read < 64 << 20

    within(body)


def test_a_call_that_takes_longer_than_a_silent_connection_may() -> None:
    async def body() -> None:
        service = FakeFunctions()
        await service.upload("alice", "slow", pack_source(b"", "slow"), FunctionSettings())
        async with served(service) as port:
            request = (
                "POST /v1/users/alice/functions/slow/invoke HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                f"Authorization: Bearer {ALICE}\r\nContent-Length: 2\r\n\r\nin"
            )
            answer = asyncio.create_task(talk(port, request.encode()))
            await asyncio.sleep(0.6)
            service.release.set()
            assert (await answer).endswith(b"\r\n\r\nin")

    within(body)


def test_too_many_connections() -> None:
    async def body() -> None:
        async with started(FakeFunctions(), most=2, looks=1000) as (server, port):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await connected(server, 2)
            request = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert await talk(port, request) == b""
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            await connected(server, 0)
            assert (await talk(port, request)).endswith(b"PONG")

    within(body)


def test_answers_are_sent_at_once() -> None:
    async def body() -> None:
        async with started(FakeFunctions()) as (server, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await connected(server, 1)
            (connection,) = server.server_state.connections
            assert isinstance(connection, BoundedConnection)
            opened = connection.transport.get_extra_info("socket")
            assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            await writer.wait_closed()

    within(body)
