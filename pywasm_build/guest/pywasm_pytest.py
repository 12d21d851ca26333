"""Run in the guest as a pytest plugin: write each test's outcome at once, leave out what must not run.

The folder PYWASM_SUITE holds plan and events, see pywasm_events.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator
from typing import Any

import pytest
from pywasm_events import Events, choose, read_plan  # type: ignore[import-not-found]  # found in the guest


class Recorder:
    """Write events, and choose the tests by the plan."""

    def __init__(self, plan: dict[str, Any], events: Events) -> None:
        self._plan = plan
        self._events = events
        self._current: dict[str, Any] = {}

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Say which file is imported next, in case that ends the process."""
        if isinstance(collector, pytest.Module):
            self._events.write("collect", file=collector.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be imported, or that skips itself, as one test."""
        if report.outcome != "passed":
            self._begin(report.nodeid)
            self._take(report)
            self._finish()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Drop the tests that the plan does not want."""
        chosen = choose(self._events, self._plan, [item.nodeid for item in items])
        dropped = [item for item, is_wanted in zip(items, chosen, strict=True) if not is_wanted]
        items[:] = itertools.compress(items, chosen)
        config.hook.pytest_deselected(items=dropped)

    def pytest_collection_finish(self) -> None:
        """Say that all files have been imported."""
        self._events.write("collected")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which test runs next, in case it ends the process."""
        self._events.write("start", id=nodeid)
        self._begin(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one part of a test: setup, call or teardown."""
        self._take(report)

    def pytest_runtest_logfinish(self) -> None:
        """Write a test's outcome."""
        self._finish()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, None, None]:
        """Write that all of this process's tests have been run."""
        yield
        self._events.write("end", status=int(exitstatus))

    def _begin(self, test_id: str) -> None:
        self._current = {"test_id": test_id, "outcome": "", "seconds": 0.0, "reason": "", "detail": ""}

    def _take(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        current = self._current
        current["seconds"] += getattr(report, "duration", 0.0)
        outcome = _outcome(report)
        if current["outcome"] == "failed" or (outcome == "passed" and current["outcome"]):
            return
        if outcome == "passed" and getattr(report, "when", "") != "call":
            return
        current["outcome"] = outcome
        current["reason"] = _reason(report)
        if outcome == "failed":
            current["detail"] = report.longreprtext

    def _finish(self) -> None:
        current = self._current
        self._events.result(**{**current, "outcome": current["outcome"] or "failed"})


def _outcome(report: pytest.TestReport | pytest.CollectReport) -> str:
    # pytest marks what it reports about an xfail mark by this attribute.
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.outcome == "passed" else "xfailed"
    return report.outcome


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail)
    text: Any = report.longrepr
    if isinstance(text, tuple):
        return str(text[2])
    crash = getattr(text, "reprcrash", None)
    if crash is not None:
        return str(crash.message).strip().partition("\n")[0]
    # A file that cannot be imported: the exception stands in the last line.
    return (str(text).strip().rpartition("\n")[2].removeprefix("E").strip()) if text else ""


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record."""
    config.pluginmanager.register(Recorder(read_plan(), Events()), "pywasm-recorder")
