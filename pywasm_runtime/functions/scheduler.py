"""Decide which call may use a slot next. No processes, no clock, no storage: what is counted and in which order.

A slot stands for a processor. A call that waits (for a call that it chained, for a lock) gives its slot up, and needs
one again to go on: those come first, so few calls wait at a time. Of the new calls the deepest comes first, then the
oldest: somebody waits for the deep ones.

Two limits hold new calls back: how many instances of one function may exist, and how many calls may be
begun and not ended at all, as each has a process. Neither may keep back the very call that the others wait for, so a
chained call is let through where all that stands in its way is waiting.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Hold what counts of an accepted call: `function` is any name for its function, `instances` that one's limit."""

    call_id: str
    function: str
    instances: int
    created: float
    depth: int


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Hold who got a slot: a call that begins, or one that goes on."""

    candidate: Candidate
    resumed: bool


@dataclass(frozen=True, order=True)
class _Entry:
    shallowness: int
    created: float
    ticket: int
    candidate: Candidate = field(compare=False)


@dataclass(kw_only=True)
class _Counts:
    running: int = 0
    waiting: int = 0
    queue: list[_Entry] = field(default_factory=list)

    @property
    def begun(self) -> int:
        return self.running + self.waiting


class Scheduler:
    """Hand out `slots` slots; at most `most_begun` calls are begun and not ended, but for the ones others wait for."""

    def __init__(self, *, slots: int, most_begun: int) -> None:
        self.slots = slots
        self._most_begun = most_begun
        self._total = _Counts()
        self._functions: dict[str, _Counts] = {}
        self._resuming: deque[Candidate] = deque()
        self._queued: set[str] = set()
        self._waiting: set[str] = set()
        self._ticket = 0

    @property
    def running(self) -> int:
        """Count the calls that have a slot."""
        return self._total.running

    @property
    def waiting(self) -> int:
        """Count the calls that gave up their slot for a while."""
        return self._total.waiting

    @property
    def queued(self) -> int:
        """Count the calls that have not begun."""
        return len(self._queued)

    def instances(self, function: str) -> int:
        """Count the begun calls of a function."""
        counts = self._functions.get(function)
        return counts.begun if counts else 0

    def add(self, candidate: Candidate) -> None:
        """Put a new call into the queue, once."""
        if candidate.call_id in self._queued:
            return
        self._queued.add(candidate.call_id)
        self._ticket += 1
        counts = self._functions.setdefault(candidate.function, _Counts())
        heapq.heappush(counts.queue, _Entry(-candidate.depth, candidate.created, self._ticket, candidate))

    def remove(self, call_id: str) -> None:
        """Take a call out of the queue."""
        self._queued.discard(call_id)  # its entry goes when it comes up

    def queued_ids(self) -> list[str]:
        """Name the calls that have not begun."""
        return list(self._queued)

    def resume(self, candidate: Candidate) -> None:
        """Say that a waiting call needs a slot again."""
        self._resuming.append(candidate)

    def pause(self, candidate: Candidate) -> None:
        """Say that a running call waits, and needs its slot no longer."""
        self._move(candidate, running=-1, waiting=1)

    def end(self, candidate: Candidate) -> None:
        """Say that a begun call has ended, or is to begin anew later; it may have been running or waiting."""
        if candidate.call_id in self._waiting:
            if candidate in self._resuming:
                self._resuming.remove(candidate)
            self._move(candidate, waiting=-1)
        else:
            self._move(candidate, running=-1)

    def next(self) -> Grant | None:
        """Give a slot to whoever is to have it, None if there is no slot or nobody for it."""
        if self._total.running >= self.slots:
            return None
        if self._resuming:
            candidate = self._resuming.popleft()
            self._move(candidate, running=1, waiting=-1)
            return Grant(candidate=candidate, resumed=True)
        best: _Entry | None = None
        for counts in list(self._functions.values()):
            entry = self._first(counts)
            if entry is not None and (best is None or entry < best) and self._may_begin(entry.candidate, counts):
                best = entry
        if best is None:
            return None
        candidate = heapq.heappop(self._functions[best.candidate.function].queue).candidate
        self._queued.discard(candidate.call_id)
        self._move(candidate, running=1)
        return Grant(candidate=candidate, resumed=False)

    def _first(self, counts: _Counts) -> _Entry | None:
        while counts.queue and counts.queue[0].candidate.call_id not in self._queued:
            heapq.heappop(counts.queue)
        return counts.queue[0] if counts.queue else None

    def _may_begin(self, candidate: Candidate, counts: _Counts) -> bool:
        if counts.begun >= candidate.instances and (candidate.depth == 0 or counts.running):
            return False
        return self._total.begun < self._most_begun or (candidate.depth > 0 and not self._total.running)

    def _move(self, candidate: Candidate, *, running: int = 0, waiting: int = 0) -> None:
        counts = self._functions.setdefault(candidate.function, _Counts())
        for count in (counts, self._total):
            count.running += running
            count.waiting += waiting
        if waiting > 0:
            self._waiting.add(candidate.call_id)
        elif waiting < 0:
            self._waiting.discard(candidate.call_id)
        if not counts.begun and self._first(counts) is None:
            del self._functions[candidate.function]
