"""Read what the guest writes while a test suite runs in it (guest/pywasm_events.py).

The file grows while it is read, and its last line may be half written: the process may have trapped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
XFAILED, XPASSED, NOT_RUN = "xfailed", "xpassed", "not run"
OUTCOMES = (PASSED, FAILED, SKIPPED, XFAILED, XPASSED, NOT_RUN)


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """The outcome of one test; `detail` is the traceback of a failure.

    id: `<file>::<test>`; pytest's is relative to site-packages, or to the top of the sdist. A file that could not be
        imported counts as one test; its id is the file's name.
    """

    __test__ = False  # pytest must not take it for a test class

    id: str
    outcome: str
    seconds: float = 0.0
    reason: str = ""
    detail: str = ""

    @property
    def file(self) -> str:
        """The test file."""
        return self.id.partition("::")[0]


class EventLog:
    """The events of one test process, read as they come.

    `current` is the test or file that is under way, `ended` the test runner's exit status once it has come to its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, TestResult] = {}
        self.current = ""
        self.ended: int | None = None
        self._offset = 0

    def read(self) -> None:
        """Take what was written since the last time."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind = event["event"]
            if kind == "collect":
                self.current = str(event["file"])
            elif kind == "start":
                self.current = str(event["id"])
            elif kind == "collected":
                self.current = ""
            elif kind == "not-run":
                self._add(TestResult(id=str(event["id"]), outcome=NOT_RUN))
            elif kind == "result":
                self._add(_result(event))
                self.current = ""
            elif kind == "end":
                self.ended = int(event["status"])
        except (ValueError, KeyError, TypeError):
            # The guest's tests can write to this file too; what is no event is none.
            return

    def _add(self, result: TestResult) -> None:
        self.results[result.id] = result


def _result(event: Mapping[str, Any]) -> TestResult:
    outcome = str(event["outcome"])
    if outcome not in OUTCOMES:
        raise ValueError(outcome)
    return TestResult(
        id=str(event["id"]),
        outcome=outcome,
        seconds=float(event["seconds"]),
        reason=str(event["reason"]),
        detail=str(event["detail"]),
    )
