"""Run a guest on a thread of its own.

Two reasons: wasm frames lie on the thread's stack, whose size only a new thread can choose; and Python
handles signals on the main thread, which must not be inside the guest when Ctrl-C comes.
"""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from pywasm_runtime.engine import EngineSettings


class Terminated(BaseException):
    """Carry the number of a signal that ends this process."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_on_guest_stack(settings: EngineSettings, body: Callable[[], int]) -> int:
    """Call `body` on a thread whose stack fits the engine's; what it raises is raised here.

    Has to be called on the main thread, once in a process. KeyboardInterrupt or Terminated come out while the
    guest still runs: the caller has to end the process.
    """
    results: list[int] = []
    failures: list[BaseException] = []
    reader, writer = os.pipe()

    def enter() -> None:
        try:
            results.append(body())
        except BaseException as error:
            failures.append(error)
        finally:
            os.write(writer, b"\0")

    _start(settings, enter)
    _wait(reader, writer)
    if failures:
        raise failures[0]
    return results[0]


def _start(settings: EngineSettings, enter: Callable[[], None]) -> None:
    before = threading.stack_size(settings.thread_stack_bytes)
    try:
        threading.Thread(target=enter, name="guest", daemon=True).start()
    finally:
        threading.stack_size(before)


def _wait(reader: int, writer: int) -> None:
    """Wait for the guest's byte, or for a signal's, whose handler then runs.

    Thread.join would do but for a signal that comes just before it begins to wait, or that the system hands
    to another thread: it would be handled only once the guest has ended.
    """
    os.set_blocking(writer, False)  # set_wakeup_fd insists on it
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        while os.read(reader, 1) != b"\0":
            continue  # the byte is a signal's number; a handler that raises does so here
    finally:
        signal.set_wakeup_fd(before)


def raise_on_termination() -> None:
    """Let SIGTERM and SIGHUP raise Terminated on the main thread, so that private folders are removed."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise Terminated(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, end)
