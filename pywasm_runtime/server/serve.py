"""Run the server in this process until it is told to end: by SIGTERM or Ctrl-C, a second time for at once."""

import asyncio
import logging
import math
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import uvicorn

from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.server.address import listen, url_of
from pywasm_runtime.server.app import create_app
from pywasm_runtime.server.connection import bounded_connection
from pywasm_runtime.server.first_user import Users, make_first_user
from pywasm_runtime.server.service_interface import Functions
from pywasm_runtime.server.settings import ServerSettings

_HEADER_BYTES = 64 << 10
_KEEP_ALIVE_SECONDS = 15
_FILES_WANTED = 16384
_CONNECTIONS_BESIDE_REQUESTS = 200


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Hold how to serve a data folder.

    allow_remote: needed for a host that is not this machine alone. slots: how many calls run at once, None for one a
    processor. token_file: where the first admin's token goes; None shows it. drain_seconds: how long what was accepted
    may take to end when the server is told to end.
    """

    data: DataFolder
    host: str = "127.0.0.1"
    port: int = 8080
    allow_remote: bool = False
    slots: int | None = None
    token_file: Path | None = None
    drain_seconds: float = 30.0
    server: ServerSettings = field(default_factory=ServerSettings)


class Drained(Functions, Users, Protocol):
    """Be a service that can be brought to an end: FunctionService."""

    async def drain(self, timeout: float) -> None:
        """Accept no more calls, and wait for those that run."""
        ...


def serve(settings: ServeSettings) -> None:
    """Serve until told to end. UsageError for a wrong address, EmbedderError where functions cannot be run here."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    with listen(settings.host, settings.port, allow_remote=settings.allow_remote) as listener:
        _want_files()
        asyncio.run(_serve(settings, listener))


async def answer(service: Drained, listener: socket.socket, settings: ServeSettings) -> None:
    """Answer requests from a listening socket until told to end; then finish what was accepted."""
    await make_first_user(service, settings.token_file)
    server = _Server(_configuration(service, settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    print(f"serving {settings.data.path} on {url_of(listener)} (status page: /status)", file=sys.stderr, flush=True)
    try:
        await server.serve(sockets=[listener])
        await service.drain(server.time_left())
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _serve(settings: ServeSettings, listener: socket.socket) -> None:
    # Here, as they bring in what a test of the server does without.
    from pywasm_runtime.functions.service import FunctionService
    from pywasm_runtime.functions.service_settings import default_settings

    async with FunctionService(default_settings(settings.data, slots=settings.slots)) as service:
        await answer(service, listener, settings)


class _Server(uvicorn.Server):
    """Leave signals to us: uvicorn would raise them again at its end, before the calls have ended."""

    _end_at = math.inf

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing about signals."""
        yield

    def end(self) -> None:
        """End gracefully; the second time, at once."""
        if self.should_exit:
            self.force_exit = True
        else:
            print("ending: what was accepted is finished first", file=sys.stderr, flush=True)
            self.should_exit = True
            self._end_at = asyncio.get_running_loop().time() + (self.config.timeout_graceful_shutdown or 0)

    def time_left(self) -> float:
        """Give the seconds that are left for a graceful end."""
        return 0.0 if self.force_exit else max(0.0, self._end_at - asyncio.get_running_loop().time())


def _configuration(service: Drained, settings: ServeSettings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service, settings.server),
        http=bounded_connection(settings.server.requests + _CONNECTIONS_BESIDE_REQUESTS),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
    )


def _want_files() -> None:
    """Allow this process as many open files as it may have: each connection and worker takes some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
