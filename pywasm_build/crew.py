"""Run calls in threads of their own as long as there is room, and end what they run when the user says so.

The threads do not keep the process alive: one may wait for another process's lock, and Ctrl-C must not wait with it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

from pywasm_build.command import Runner, terminate_as_exit
from pywasm_build.errors import PywasmError

T = TypeVar("T")
_GRACE_SECONDS = 10.0


@dataclass(kw_only=True)
class Crew(Generic[T]):
    """Calls under way, by name, with the room that each takes; `room` is what there is in all.

    A context manager: at its end the crew is at rest. An error waits for what is under way, Ctrl-C and SIGTERM end it.
    """

    runner: Runner
    room: int
    _busy: dict[str, int] = field(default_factory=dict)
    _ended: SimpleQueue[tuple[str, Callable[[], T]]] = field(default_factory=SimpleQueue)
    _signals: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        self._signals.enter_context(terminate_as_exit())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._signals:
            try:
                if error is None or isinstance(error, Exception):
                    self._let_them_end()
            finally:
                self._end_them()

    @property
    def busy(self) -> bool:
        """Tell whether anything is under way."""
        return bool(self._busy)

    def has_room(self, room: int) -> bool:
        """Tell whether a call that takes so much room can start now; alone each can."""
        return not self._busy or sum(self._busy.values()) + room <= self.room

    def start(self, name: str, call: Callable[[], T], *, room: int = 1) -> None:
        """Start a call; its end is told by `next_ended`."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
            self._ended.put((name, future.result))

        self._busy[name] = room
        threading.Thread(target=run, name=name, daemon=True).start()

    def next_ended(self) -> tuple[str, T | PywasmError]:
        """Wait for a call to end; return its name and its result, or the error that it raised.

        Any other exception than PywasmError is raised here.
        """
        name, get = self._ended.get()
        del self._busy[name]
        try:
            return name, get()
        except PywasmError as error:
            return name, error

    def _let_them_end(self) -> None:
        """Wait for what is under way, whatever comes of it."""
        while self._busy:
            del self._busy[self._ended.get()[0]]

    def _end_them(self) -> None:
        """End the commands that are under way; give up on what does not notice."""
        deadline = time.monotonic() + _GRACE_SECONDS
        # More than once: a thread may be about to start its next command right now.
        while self._busy and time.monotonic() < deadline:
            self.runner.terminate()
            time.sleep(0.05)
            while not self._ended.empty():
                self._busy.pop(self._ended.get()[0], None)
