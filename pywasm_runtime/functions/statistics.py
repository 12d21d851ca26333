"""Count what a supervisor does."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pywasm_runtime.functions.model import Outcome

MAX_RECENT = 2000
"""Of how many calls the durations are kept."""


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


class Tally:
    """Count ended calls."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.attempts_lost = 0
        self.durations: deque[tuple[float, float]] = deque(maxlen=MAX_RECENT)

    def count(self, outcome: Outcome, total_seconds: float) -> None:
        """Count one call."""
        self.ended[outcome.failure.value] += 1
        self.durations.append((outcome.seconds, total_seconds))
