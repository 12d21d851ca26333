"""Turn rows of the tables of calls into values and back."""

from pywasm_runtime.functions.model import Call, CallState, Failure, Outcome
from pywasm_runtime.storage.database import Database, Row, Value

HEAD = (
    "id, user, function, version, entry, state, created, started, ended, attempt,"
    " status, failure, error, seconds, cpu_seconds, memory_bytes"
)
"""What is small of a call."""

WHOLE = "input, output, stdout, stderr, traceback"
"""What may be large."""

_HEAD_LENGTH = HEAD.count(",") + 1
_STATUS_BITS = 31


def read_call(database: Database, row: Row) -> Call:
    """Read a row of HEAD, or of HEAD and WHOLE; StorageError if it is none."""
    call_id, user, function, version, entry, state, created, started, ended, attempt = row[:10]
    try:
        return Call(
            id=str(call_id),
            user=str(user),
            function=str(function),
            version=_int(version),
            entry=str(entry),
            input=_bytes(row[_HEAD_LENGTH]) if len(row) > _HEAD_LENGTH else b"",
            state=CallState(str(state)),
            created=_float(created),
            started=None if started is None else _float(started),
            ended=None if ended is None else _float(ended),
            attempt=_int(attempt),
            outcome=None if ended is None else _outcome(row),
        )
    except ValueError:
        raise database.damaged(f"call {call_id!r}") from None


def outcome_values(outcome: Outcome) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Give what is kept of an outcome: what is small (from status on), what may be large (from output on)."""
    head = (
        _bounded(outcome.status, _STATUS_BITS),
        str(outcome.failure),
        _plain(outcome.error),
        outcome.seconds,
        outcome.cpu_seconds,
        outcome.memory_bytes,
    )
    return head, (outcome.output, outcome.stdout, outcome.stderr, _plain(outcome.traceback))


def _outcome(row: Row) -> Outcome:
    status, failure, error, seconds, cpu_seconds, memory_bytes = row[10:_HEAD_LENGTH]
    _, output, stdout, stderr, traceback = row[_HEAD_LENGTH:] or (None,) * 5
    return Outcome(
        status=_int(status),
        failure=Failure(str(failure)),
        error=str(error or ""),
        traceback=str(traceback or ""),
        output=_bytes(output),
        stdout=_bytes(stdout),
        stderr=_bytes(stderr),
        seconds=_float(seconds),
        cpu_seconds=_float(cpu_seconds),
        memory_bytes=_int(memory_bytes),
    )


def _plain(text: str) -> str:
    """Keep text that a guest made: it may have what is no Unicode, and NUL, at which some readers stop."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _bounded(number: int, bits: int) -> int:
    return max(-(1 << bits), min(number, (1 << bits) - 1))


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _int(value: Value) -> int:
    return int(value or 0)


def _float(value: Value) -> float:
    return float(value or 0)
