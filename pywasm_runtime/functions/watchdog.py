"""Watch a running call's time from a thread beside it: tell the guest first, end the call after a grace.

One thread a worker. It sleeps until the next moment that matters: the wall clock's limit, or the earliest moment at
which the guest's thread can have used up its CPU time. So watching costs a call almost nothing.
"""

import threading
import time
from collections.abc import Callable

from pywasm_runtime.functions.model import Failure, Limits

GRACE_SECONDS = 1.0
"""How long a guest that was told that its time is over may clean up."""

_PROBE_SECONDS = 0.1
_CPU_CHECK_SECONDS = 0.02
"""The shortest sleep while CPU time runs out; a thread cannot use it faster than time passes."""


class Watch:
    """Watch one call on the thread that makes this object, from now on.

    interrupt: tells the guest, from the watchdog's thread; give_up: called there once, when the grace is over too;
    probe: asked often, if given; what it returns ends the call at once.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        interrupt: Callable[[str], None],
        give_up: Callable[[Failure, str], None],
        probe: Callable[[], str] | None = None,
    ) -> None:
        self._limits = limits
        self._interrupt = interrupt
        self._give_up = give_up
        self._probe = probe
        self._cpu_clock = _cpu_clock(threading.get_ident())
        self._cpu_start = self._cpu_clock()
        self._ending = threading.Lock()
        self._ended = False
        self.started = time.monotonic()
        self.exceeded = Failure.NONE
        self.reason = ""
        self.due = 0.0
        self._plan()

    @property
    def deadline(self) -> float:
        """Give the end of the wall time, by time.monotonic."""
        return self.started + self._limits.wall_seconds

    @property
    def is_over(self) -> bool:
        """Tell whether the call has ended or was given up."""
        return self._ended

    def seconds(self) -> float:
        """Give the wall time since the start."""
        return time.monotonic() - self.started

    def cpu_seconds(self) -> float:
        """Give the CPU time of the call's thread since the start."""
        return self._cpu_clock() - self._cpu_start

    def finish(self) -> bool:
        """End the watch; False if the watchdog has given the call up already, and reports it."""
        with self._ending:
            first = not self._ended
            self._ended = True
        return first

    def check(self) -> None:
        """Look at the clocks and do what is due; called on the watchdog's thread."""
        now = time.monotonic()
        if self.exceeded:
            if now >= self.due and self.finish():
                self._give_up(self.exceeded, self.reason)
        elif now >= self.deadline:
            self._tell(Failure.WALL_TIME, f"the call took longer than its limit of {self._limits.wall_seconds:g} s")
        elif self.cpu_seconds() >= self._limits.cpu_seconds:
            self._tell(
                Failure.CPU_TIME, f"the call used more than its limit of {self._limits.cpu_seconds:g} s of CPU time"
            )
        elif self._probe is not None and (excess := self._probe()):
            if self.finish():
                self._give_up(Failure.OUTPUT, excess)
        else:
            self._plan()

    def _plan(self) -> None:
        now = time.monotonic()
        cpu_left = max(self._limits.cpu_seconds - self.cpu_seconds(), _CPU_CHECK_SECONDS)
        self.due = min(self.deadline, now + cpu_left, now + _PROBE_SECONDS if self._probe else self.deadline)

    def _tell(self, failure: Failure, reason: str) -> None:
        with self._ending:
            if self._ended:
                return
            self.exceeded, self.reason = failure, reason
            self.due = time.monotonic() + GRACE_SECONDS
            self._interrupt(reason)


class Watchdog:
    """Run the thread. `begin` and `finish` are called on the thread that runs the calls, one call at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watch: Watch | None = None
        self._wakes = float("inf")
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def begin(self, watch: Watch) -> None:
        """Watch a call."""
        with self._changed:
            self._watch = watch
            if watch.due < self._wakes:
                self._changed.notify()

    def finish(self, watch: Watch) -> bool:
        """Watch it no longer; False if it was given up already."""
        with self._changed:
            self._watch = None  # the thread may sleep on: it looks when it wakes
        return watch.finish()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                watch = self._watch
                self._wakes = watch.due if watch is not None else float("inf")
                pause = None if watch is None else self._wakes - time.monotonic()
                if pause is None or pause > 0:
                    self._changed.wait(pause)
                if self._stopped:
                    return
                if watch is None or self._watch is not watch:
                    continue
            if time.monotonic() >= watch.due:
                watch.check()
                if watch.is_over:
                    self._drop(watch)

    def _drop(self, watch: Watch) -> None:
        with self._changed:
            if self._watch is watch:
                self._watch = None


def _cpu_clock(thread: int) -> Callable[[], float]:
    try:
        clock = time.pthread_getcpuclockid(thread)
    except (AttributeError, OSError):
        return time.process_time  # macOS: a worker runs little else
    return lambda: time.clock_gettime(clock)
