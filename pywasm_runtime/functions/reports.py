"""Read what the runner in the guest says. The function itself can say it, too, so nothing in it is trusted."""

import json
from dataclasses import dataclass
from typing import Any

from pywasm_runtime.functions.model import Failure

MAX_REPORT_BYTES = 1 << 20
_MAX_STATUS = (1 << 31) - 1
_MAX_ENTRIES = 1000
_FROM_GUEST = (Failure.NONE, Failure.STATUS, Failure.EXCEPTION)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Hold a report: of the right types, with a failure that a guest may claim. What its texts say is as it came."""

    status: int = 1
    failure: Failure = Failure.INTERNAL
    error: str = "the runner in the sandbox said nothing of how it ended"
    traceback: str = ""
    entries: tuple[str, ...] = ()
    no_image: str = ""


def read_report(content: bytes) -> Report | None:
    """Read a report; None if it is none."""
    try:
        said = json.loads(content) if len(content) <= MAX_REPORT_BYTES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    failure = next((one for one in _FROM_GUEST if one.value == said.get("failure")), Failure.INTERNAL)
    status = _number(said.get("status"))
    if failure is Failure.NONE and status != 0:
        failure = Failure.STATUS
    return Report(
        status=status if failure is Failure.NONE else status or 1,
        failure=failure,
        error=_text(said.get("error")),
        traceback=_text(said.get("traceback")),
        entries=_texts(said.get("entries")),
        no_image=_text(said.get("no_image")),
    )


def _number(said: Any) -> int:
    return said if type(said) is int and -_MAX_STATUS <= said <= _MAX_STATUS else 0


def _text(said: Any) -> str:
    return said if isinstance(said, str) else ""


def _texts(said: Any) -> tuple[str, ...]:
    return tuple(map(_text, said[:_MAX_ENTRIES])) if isinstance(said, list) else ()
