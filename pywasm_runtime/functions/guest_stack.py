"""Run something on a thread whose stack fits the engine's; any number of times in a process, unlike `guest_thread`."""

import threading
from collections.abc import Callable

from pywasm_runtime.engine import EngineSettings


def run_on_guest_thread(body: Callable[[], None]) -> None:
    """Call `body` on such a thread and wait for its end; what it raises is raised here."""
    raised: list[BaseException] = []

    def enter() -> None:
        try:
            body()
        except BaseException as error:
            raised.append(error)

    before = threading.stack_size(EngineSettings().thread_stack_bytes)
    try:
        thread = threading.Thread(target=enter, name="guest")
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]
