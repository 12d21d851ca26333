"""What a guest says of itself is taken for what it is."""

from __future__ import annotations

import json

import pytest

from pywasm_runtime.functions.model import Failure
from pywasm_runtime.functions.reports import MAX_REPORT_BYTES, read_report


def test_a_report_of_the_runner() -> None:
    said = {"status": 3, "failure": "status", "error": "the entry returned 3", "traceback": ""}
    report = read_report(json.dumps(said).encode())
    assert report is not None
    assert (report.status, report.failure, report.error) == (3, Failure.STATUS, "the entry returned 3")


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b"null", b'"text"', b"[" * 100_000, b" " * (MAX_REPORT_BYTES + 1), b"{"]
)
def test_what_is_no_report(content: bytes) -> None:
    assert read_report(content) is None


@pytest.mark.parametrize("failure", ["wall time", "worker", "trap", "no such", 7, None, [], {}])
def test_a_guest_cannot_claim_what_only_the_host_knows(failure: object) -> None:
    report = read_report(json.dumps({"status": 0, "failure": failure}).encode())
    assert report is not None
    assert report.failure is Failure.INTERNAL
    assert report.status != 0


@pytest.mark.parametrize("status", ["0", 1.5, True, 1 << 31, -(1 << 40), None, [], "x" * 1000])
def test_statuses_that_are_none(status: object) -> None:
    report = read_report(json.dumps({"status": status, "failure": "exception"}).encode())
    assert report is not None
    assert (report.status, report.failure) == (1, Failure.EXCEPTION)


def test_a_success_with_a_status_is_none() -> None:
    report = read_report(b'{"status": 5, "failure": ""}')
    assert report is not None
    assert (report.status, report.failure) == (5, Failure.STATUS)


def test_lists_of_other_things() -> None:
    report = read_report(json.dumps({"status": 0, "failure": "", "entries": ["one", 2, None] * 1000}).encode())
    assert report is not None
    assert report.entries[:3] == ("one", "", "")
    assert len(report.entries) == 1000
