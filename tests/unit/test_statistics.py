"""Durations by range, as Prometheus wants them."""

from __future__ import annotations

from pywasm_runtime.functions.model import Failure, Outcome
from pywasm_runtime.functions.statistics import BOUNDS_SECONDS, MAX_RECENT, Tally


def test_each_duration_is_in_one_range() -> None:
    tally = Tally()
    for seconds in (0.0, 0.001, 0.0011, 300.0, 301.0):
        tally.count(Outcome(seconds=seconds), seconds * 2)
    counts = tally.in_sandbox.histogram().counts
    assert (counts[0], counts[1], counts[-2], counts[-1]) == (2, 1, 1, 1)
    assert len(counts) == len(BOUNDS_SECONDS) + 1
    assert tally.in_all.histogram().total == 2 * tally.in_sandbox.histogram().total
    assert tally.in_all.histogram().counts[-1] == 2


def test_recent_durations_are_bounded_the_counts_are_not() -> None:
    tally = Tally()
    for number in range(MAX_RECENT + 10):
        tally.count(Outcome(failure=Failure.TRAP if number % 2 else Failure.NONE), 0.0)
    assert len(tally.durations) == MAX_RECENT
    assert sum(tally.ended.values()) == MAX_RECENT + 10 == sum(tally.in_all.histogram().counts)
    assert tally.ended["trap"] == (MAX_RECENT + 10) // 2
