"""Count what a supervisor does."""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pywasm_runtime.functions.model import Outcome

MAX_RECENT = 2000
"""Of how many calls the durations are kept."""

BOUNDS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the counted ranges of durations; one more has what is above."""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Hold durations since the start: how many were in each range of BOUNDS_SECONDS, and their sum in seconds."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_SECONDS) + 1)
    total: float = 0.0


@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """Hold one worker process; `call_id` "" is an idle one, `ready` counts its prepared sandboxes."""

    pid: int
    call_id: str
    ready: int


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Hold counts: those of now, and those since the start.

    running, waiting: begun calls with and without a slot; queued: calls that this supervisor is to begin.
    restarts: workers and zygotes that ended unasked. ended: calls by failure, "" for success.
    durations: (seconds in the sandbox, seconds from acceptance to end) of recent calls, the oldest first.
    in_sandbox, in_all: the same two durations of all calls.
    """

    running: int = 0
    waiting: int = 0
    queued: int = 0
    ready: int = 0
    restarts: int = 0
    attempts_lost: int = 0
    workers: tuple[WorkerStatus, ...] = ()
    ended: Mapping[str, int] = field(default_factory=dict)
    durations: tuple[tuple[float, float], ...] = ()
    in_sandbox: Histogram = field(default_factory=Histogram)
    in_all: Histogram = field(default_factory=Histogram)


class Tally:
    """Count ended calls."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.attempts_lost = 0
        self.durations: deque[tuple[float, float]] = deque(maxlen=MAX_RECENT)
        self.in_sandbox = _Durations()
        self.in_all = _Durations()

    def count(self, outcome: Outcome, total_seconds: float) -> None:
        """Count one call."""
        self.ended[outcome.failure.value] += 1
        self.durations.append((outcome.seconds, total_seconds))
        self.in_sandbox.add(outcome.seconds)
        self.in_all.add(total_seconds)


class _Durations:
    """Count durations by range."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_SECONDS) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self._total += seconds

    def histogram(self) -> Histogram:
        return Histogram(counts=tuple(self._counts), total=self._total)
