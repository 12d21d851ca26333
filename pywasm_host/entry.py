"""Call an entry by the contract of functions: what it is given, and what its result and its exceptions mean.

An entry without parameters is called as it is, one with a parameter gets the input as bytes. None and 0 are success,
another int is the status of a failed call, an exception a failure with its traceback. What was written as output stays.
"""

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from inspect import Parameter, iscoroutine, signature
from types import FunctionType, TracebackType
from typing import Any

_MAX_STATUS = (1 << 31) - 1
_MAX_ERROR_CHARACTERS = 1000
_MAX_TRACEBACK_CHARACTERS = 1 << 16
_OWN_FILE = __file__


@dataclass(frozen=True)
class Ending:
    """Hold how a call ended: `failure` is "", "status" or "exception"; `error` one line."""

    status: int = 0
    failure: str = ""
    error: str = ""
    traceback: str = ""

    def plain(self) -> dict[str, Any]:
        """Give the fields as a dictionary."""
        return asdict(self)


def call_entry(
    entry: Callable[..., Any],
    read_input: Callable[[], bytes],
    *,
    passing: tuple[type[BaseException], ...] = (),
) -> Ending:
    """Call an entry and say how that ended; raises nothing but what is `passing`."""
    try:
        result = entry(read_input()) if takes_input(entry) else entry()
        if iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
        return _ending_of(result)
    except passing:
        raise
    except SystemExit as error:
        return _ending_of_exit(error)
    except BaseException as error:
        return ending_of_exception(error)


def takes_input(entry: Callable[..., Any]) -> bool:
    """Tell whether an entry wants the input: whether it has a positional parameter."""
    if isinstance(entry, FunctionType) and not hasattr(entry, "__wrapped__"):
        return entry.__code__.co_argcount > 0
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    try:
        return any(parameter.kind in positional for parameter in signature(entry).parameters.values())
    except (TypeError, ValueError):
        return False


def ending_of_exception(error: BaseException) -> Ending:
    """Say which exception it was, with a traceback that begins in the author's code."""
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)  # what they hold is needed to say it
    lines = traceback.format_exception(type(error), error, _without_own_frames(error.__traceback__))
    return Ending(1, "exception", one_line(error), _printable("".join(lines)[-_MAX_TRACEBACK_CHARACTERS:]))


def one_line(error: BaseException) -> str:
    """Give an exception's type and the first line of its message."""
    name = type(error).__qualname__
    try:
        first = next(iter(str(error).splitlines()), "")
    except BaseException:  # the author's __str__ may do anything
        first = "its message cannot be made"
    return _printable(f"{name}: {first}"[:_MAX_ERROR_CHARACTERS] if first else name)


def _printable(text: str) -> str:
    """Replace what UTF-8 cannot say: halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode()


def _without_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that lead into the author's code, of this file and of the runner beside it."""
    while trace is not None and trace.tb_frame.f_code.co_filename in _own_files:
        trace = trace.tb_next
    return trace


_own_files = {_OWN_FILE, _OWN_FILE.replace("entry.py", "_runner.py")}


def _ending_of(result: Any) -> Ending:
    if result is None or (type(result) is int and result == 0):
        return Ending()
    if type(result) is not int:
        kind = type(result).__name__
        error = f"TypeError: the entry returned {kind}; it may return None or an int, and gives data by write_output"
        return Ending(1, "exception", error)
    if not -_MAX_STATUS <= result <= _MAX_STATUS:
        return Ending(1, "exception", f"ValueError: the status {result} is no 32-bit number")
    return Ending(result, "status", f"the entry returned the status {result}")


def _ending_of_exit(error: SystemExit) -> Ending:
    if error.code is None or isinstance(error.code, int):
        status = int(error.code or 0)
        if not -_MAX_STATUS <= status <= _MAX_STATUS:
            status = 1
        return Ending(status, "status", f"the entry ended with the status {status}") if status else Ending()
    return Ending(1, "status", f"the entry ended by {one_line(error)}")
