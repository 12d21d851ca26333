from __future__ import annotations

from dataclasses import replace

import pytest

from pywasm_runtime.errors import UsageError
from pywasm_runtime.functions.errors import UploadRefused
from pywasm_runtime.functions.model import (
    Call,
    CallState,
    Failure,
    FunctionSettings,
    FunctionVersion,
    Outcome,
)
from pywasm_runtime.functions.results import (
    CALL_HEAD,
    VERSION_HEAD,
    call_row,
    duration_text,
    error_text,
    failure_text,
    image_text,
    outcome_text,
    printable,
    printable_log,
    size_text,
    status_text,
    version_row,
    version_text,
)

ID = "0123456789abcdef" * 2
QUEUED = Call(
    id=ID, user="ann", function="hello", version=3, entry="total", input=b"", state=CallState.QUEUED, created=100.0
)
OUTCOME = Outcome(output=b"x" * 2048, seconds=0.0123, cpu_seconds=0.01, memory_bytes=24 << 20)
FAILED = Outcome(
    status=1, failure=Failure.EXCEPTION, error="ValueError: no", traceback="Traceback ...\n  line\x1b[2J", seconds=2
)
VERSION = FunctionVersion(
    user="ann", name="hello", version=3, digest="ab" * 32, settings=FunctionSettings(), created=100.0
)


def ended(outcome: Outcome) -> Call:
    state = CallState.FAILED if outcome.failure else CallState.SUCCEEDED
    return replace(QUEUED, state=state, started=101.0, ended=101.5, attempt=1, outcome=outcome)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (24 << 20, "24.0 MiB"), (5 << 40, "5120.0 GiB")]
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.00 ms"), (0.00042, "0.42 ms"), (0.017, "17 ms"), (2.54, "2.5 s"), (135.2, "135 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_nothing_of_a_guest_drives_the_terminal() -> None:
    assert printable("a\x1b[2J\tb\r\n\x07é\u202e") == "a�[2J\tb�\n�é�"
    assert printable_log(b"") == ""
    assert printable_log(b"one\r\ntwo\xff") == "one\ntwo�\n"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (QUEUED, "queued for 5.0 s"),
        (replace(QUEUED, state=CallState.RUNNING, started=104.0, attempt=1), "running for 1.0 s"),
        (replace(QUEUED, state=CallState.RUNNING, started=104.0, attempt=2), "running for 1.0 s, attempt 2"),
        (ended(OUTCOME), "succeeded in 12 ms, CPU 10 ms, memory 24.0 MiB, output 2.0 KiB"),
        (ended(FAILED), "failed (exception) after 2.0 s, CPU 0.00 ms, memory 0 B, output 0 B: ValueError: no"),
        (
            ended(Outcome(status=7, failure=Failure.STATUS, error="status 7")),
            "failed (status 7) after 0.00 ms, CPU 0.00 ms, memory 0 B, output 0 B: status 7",
        ),
    ],
)
def test_how_far_a_call_is(call: Call, text: str) -> None:
    assert status_text(call, 105.0) == f"call {ID} of ann/hello@3 total: {text}"


def test_why_a_call_failed() -> None:
    assert failure_text(ended(FAILED)) == (
        "Traceback ...\n  line�[2J\nann/hello@3 total failed (exception): ValueError: no"
    )
    assert failure_text(ended(Outcome(status=1, failure=Failure.TRAP))).endswith("(trap): no reason is known")
    assert failure_text(ended(OUTCOME)) == failure_text(QUEUED) == ""


def test_a_call_in_a_table() -> None:
    assert len(call_row(QUEUED)) == len(CALL_HEAD)
    assert call_row(QUEUED)[:4] == (ID, "ann/hello@3", "total", "queued")
    assert call_row(QUEUED)[4:] == ("-", "-", "")
    assert call_row(ended(OUTCOME))[5:] == ("500 ms", "")
    long = replace(FAILED, error="a\nb\x1b" + "c" * 100)
    assert call_row(ended(long))[6] == "a b�" + "c" * 55 + "…"


def test_versions() -> None:
    assert len(version_row(VERSION)) == len(VERSION_HEAD)
    assert version_row(VERSION)[4:] == ("yes", "ab" * 6)
    assert version_row(replace(VERSION, no_image="x"))[4] == "no"
    assert image_text(VERSION) == "calls begin in an image with the module imported"
    assert image_text(replace(VERSION, no_image="why\x1b")) == "each call imports the module anew: why�"


def test_a_version_with_its_settings_but_not_their_secrets() -> None:
    settings = FunctionSettings(environment={"PASSWORD": "secret"}, config={"key": "secret"})
    text = version_text(replace(VERSION, settings=settings))
    assert "entry:       faasm_main\nlimits:      memory=512MiB, wall=60s" in text
    assert "environment: PASSWORD\nconfig:      key" in text
    assert "secret" not in text
    assert "environment" not in version_text(VERSION)


def test_outcomes_in_a_line() -> None:
    assert outcome_text(Outcome()) == "0.00 ms, CPU 0.00 ms, memory 0 B, output 0 B"


def test_errors_with_and_without_a_traceback() -> None:
    assert error_text(UsageError("what\x1b")) == "error: what�"
    assert error_text(UploadRefused("why", "Traceback\n  x")) == "Traceback\n  x\nerror: why"
    assert error_text(UploadRefused("why")) == "error: why"
