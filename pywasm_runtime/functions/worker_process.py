"""Hold one worker process, as the supervisor sees it."""

import asyncio
from typing import Any, Protocol, cast

from pywasm_runtime.functions.frames import Frame, FrameDecoder, FrameError, encode
from pywasm_runtime.functions.model import FunctionVersion
from pywasm_runtime.functions.wire import function_key, function_to_fields


class Job(Protocol):
    """Be what a worker does at present."""

    @property
    def call_id(self) -> str:
        """Name it."""
        ...

    def take(self, frame: Frame) -> None:
        """Hear what the worker says."""
        ...

    def lose(self, words: str) -> None:
        """Hear that the worker has died, and how."""
        ...


class Owner(Protocol):
    """Be told of a worker's end."""

    def worker_lost(self, worker: "WorkerProcess") -> None:
        """Hear that the connection to a worker has ended."""
        ...


class WorkerProcess(asyncio.Protocol):
    """Send to and hear from one worker.

    job: what it does, None if it is idle. ready: its prepared sandboxes by function. wanted, told: how many
    are to be kept, and what of this the worker knows.
    """

    def __init__(self, name: str, owner: Owner) -> None:
        self.name = name
        self.pid = 0
        self.job: Job | None = None
        self.ready: dict[str, int] = {}
        self.wanted: dict[str, int] = {}
        self.told: dict[str, int] = {}
        self.idle_since = 0.0
        self.is_connected = True
        self.exit_status: int | None = None
        self._owner = owner
        self._known: set[str] = set()
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None

    @property
    def functions(self) -> int:
        """Count the functions that the worker was told of."""
        return len(self._known)

    def send(self, frame: Frame) -> None:
        """Send a frame; if the worker is gone, its end is noticed apart from this."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(frame))

    def introduce(self, function: FunctionVersion) -> str:
        """Tell the worker of a function, once; gives its key."""
        key = function_key(function)
        if key not in self._known:
            self._known.add(key)
            self.send(Frame(kind="function", fields={"key": key, "function": function_to_fields(function)}))
        return key

    def close(self) -> None:
        """End the connection, on which an idle worker ends, too."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take frames apart, and hand them to the job."""
        try:
            for frame in self._decoder.feed(data):
                self._hear(frame)
        except (FrameError, KeyError, TypeError, ValueError):
            if self._transport is not None:
                self._transport.abort()  # it is broken; its call is begun again elsewhere

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        del exc
        self.is_connected = False
        self._transport = None
        self._owner.worker_lost(self)

    def _hear(self, frame: Frame) -> None:
        if frame.kind == "ready":
            counts: dict[str, Any] = frame.fields["counts"]
            self.ready = {str(key): int(count) for key, count in counts.items()}
        elif self.job is not None:
            self.job.take(frame)
