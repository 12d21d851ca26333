"""Start the zygote and talk to it, from the supervisor's event loop."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.frames import Frame, FrameDecoder, FrameError, encode

START_SECONDS = 120.0
"""The first start on a machine compiles the interpreter and makes the base image."""

_CHECKOUT = Path(__file__).resolve().parents[2]
_RECEIVE_BYTES = 1 << 16
# As bin/python-wasm begins: neither PYTHON* variables nor the current folder change what runs.
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from pywasm_runtime.functions.zygote import main
main(sys.argv[1:])
"""


class ZygoteProcess:
    """Hold one zygote; `start` it before use, and `close` it."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        on_worker_death: Callable[[int, int], None],
        on_end: Callable[["ZygoteProcess"], None],
    ) -> None:
        self._settings = settings
        self._on_worker_death = on_worker_death
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._decoder = FrameDecoder()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._forks: dict[str, asyncio.Future[int]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int:
        """Give the process's id, 0 if there is none."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> None:
        """Start the process and wait until it can fork; FunctionError if it cannot be."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            arguments = [str(_CHECKOUT), str(theirs.fileno()), json.dumps(self._settings)]
            # A session of its own: Ctrl-C in a terminal is for the supervisor, which ends the others in order.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._connection = ours
        self._loop.add_reader(ours.fileno(), self._receive)
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), START_SECONDS)
        except TimeoutError:
            self.close()
            raise FunctionError(f"the workers' first process was not ready within {START_SECONDS:g} s") from None
        except BaseException:
            self.close()
            raise

    async def fork(self, name: str) -> tuple[int, socket.socket]:
        """Have a worker forked; gives its process id and the socket to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            forked = self._forks[name] = self._loop.create_future()
            try:
                self._send(Frame(kind="fork", fields={"name": name}), theirs.fileno())
            except BaseException:
                ours.close()
                del self._forks[name]
                raise
        try:
            return await forked, ours
        except BaseException:
            ours.close()
            raise

    def kill(self, pid: int) -> None:
        """Kill a worker, at once."""
        with suppress(FunctionError):
            self._send(Frame(kind="kill", fields={"pid": pid}))

    def close(self) -> None:
        """End the process and with it all workers."""
        self._disconnect("the workers' first process was ended")
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _send(self, frame: Frame, *descriptors: int) -> None:
        if self._connection is None:
            raise FunctionError("the workers' first process has ended")
        content = encode(frame)
        try:
            if socket.send_fds(self._connection, [content], list(descriptors)) == len(content):
                return
        except OSError as error:
            raise FunctionError(f"the workers' first process does not answer: {error}") from None
        self._disconnect("the workers' first process does not take what it is told")
        raise FunctionError("the workers' first process does not take what it is told")

    def _receive(self) -> None:
        if self._connection is None:
            return
        try:
            content = self._connection.recv(_RECEIVE_BYTES)
            frames = list(self._decoder.feed(content))
        except BlockingIOError:
            return
        except (OSError, FrameError) as error:
            self._disconnect(f"the workers' first process cannot be understood: {error}")
            return
        if not content:
            self._disconnect("the workers' first process ended; its messages are on stderr")
        for frame in frames:
            self._obey(frame)

    def _obey(self, frame: Frame) -> None:
        fields = frame.fields
        if frame.kind == "ready" and not self._ready.done():
            self._ready.set_result(None)
        elif frame.kind == "failed" and not self._ready.done():
            self._ready.set_exception(FunctionError(f"workers cannot be started: {fields['error']}"))
        elif frame.kind in ("forked", "unforked"):
            forked = self._forks.pop(fields["name"], None)
            if forked is not None and not forked.done():
                if frame.kind == "forked":
                    forked.set_result(fields["pid"])
                else:
                    forked.set_exception(FunctionError(f"no worker can be started: {fields['error']}"))
        elif frame.kind == "died":
            self._on_worker_death(fields["pid"], fields["status"])

    def _disconnect(self, words: str) -> None:
        if self._connection is None:
            return
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        self._connection = None
        if not self._ready.done():
            self._ready.set_exception(FunctionError(words))
        self._ready.exception()  # nobody may wait for it any more
        for forked in self._forks.values():
            if not forked.done():
                forked.set_exception(FunctionError(words))
        self._forks.clear()
        self._on_end(self)
