"""Tell the host, while tests run in the guest, what has been run; learn from it what is to be run.

The variable PYWASM_SUITE names a folder of this test process alone. In it the host leaves `plan.json`:

    {"only": ["pattern of ids"],    if not empty, no other test is run
     "not-run": ["pattern of ids"], tests that must not be run
     "done": ["id"],                tests that an earlier process has run
     ...}                           what else the host and this test runner agree on

and the runner writes `events.jsonl`, one JSON object a line, flushed at each: what a guest has done before
it traps is not lost.

    {"event": "collect", "file": id}      this file is imported next
    {"event": "collected"}                all files have been
    {"event": "not-run", "id": id}
    {"event": "start", "id": id}
    {"event": "result", "id": id, "outcome": "passed", "seconds": 0.1, "reason": "", "detail": ""}
    {"event": "end", "status": exit status of the runner}

Outcomes are passed, failed, skipped, xfailed and xpassed (the last two: the suite itself expects a failure).
The patterns are fnmatch's; an id without wildcards in it matches itself, whatever brackets it has.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

FOLDER_VARIABLE = "PYWASM_SUITE"
_DETAIL_CHARACTERS = 8000
_REASON_CHARACTERS = 300


def read_plan() -> dict[str, Any]:
    """Return what the host wants."""
    with open(f"{os.environ[FOLDER_VARIABLE]}/plan.json", encoding="utf-8") as file:  # noqa: PTH123 - in the guest
        plan: dict[str, Any] = json.load(file)
    return plan


def matches(test_id: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of the patterns means this test."""
    return any(test_id == pattern or fnmatch.fnmatchcase(test_id, pattern) for pattern in patterns)


class Events:
    """Write events, for as long as the process lives."""

    def __init__(self) -> None:
        path = f"{os.environ[FOLDER_VARIABLE]}/events.jsonl"
        self._stream = open(path, "a", encoding="utf-8")  # noqa: PTH123, SIM115 - closed with the process
        # Tests of json replace its functions.
        self._encode = json.JSONEncoder().encode

    def write(self, event: str, **fields: object) -> None:
        """Write one event."""
        self._stream.write(self._encode({"event": event, **fields}) + "\n")
        self._stream.flush()

    def result(self, test_id: str, outcome: str, *, seconds: float, reason: str = "", detail: str = "") -> None:
        """Write a test's outcome; of a long detail the end is kept."""
        self.write(
            "result",
            id=test_id,
            outcome=outcome,
            seconds=round(seconds, 3),
            reason=reason[:_REASON_CHARACTERS],
            detail=detail[-_DETAIL_CHARACTERS:],
        )


def choose(events: Events, plan: dict[str, Any], test_ids: Sequence[str]) -> list[bool]:
    """Say for each test whether it is to be run; write an event for one that must not be."""
    done, only, not_run = set(plan["done"]), plan["only"], plan["not-run"]
    chosen = []
    for test_id in test_ids:
        wanted = test_id not in done and (not only or matches(test_id, only))
        if wanted and matches(test_id, not_run):
            events.write("not-run", id=test_id)
            wanted = False
        chosen.append(wanted)
    return chosen
