"""Read the call's input, write its output, chain other calls and wait for them."""

import json
import logging
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import Any

from pywasm_host.backend import host

Bytes = bytes | bytearray | memoryview

_LEVELS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}


def as_bytes(content: Bytes, what: str, hint: str = "text becomes bytes by .encode()") -> bytes:
    """Give the bytes of whatever holds some, arrays too; TypeError for text and numbers."""
    if type(content) is bytes:
        return content
    try:
        return bytes(memoryview(content))  # of a number, bytes() would make so many zeros
    except TypeError:
        raise TypeError(f"{what} must be bytes, not {type(content).__name__}; {hint}") from None


def read_input() -> bytes:
    """Give the call's input, exactly as it was sent."""
    return bytes(host().read_input())


def read_input_text() -> str:
    """Give the call's input as UTF-8 text; UnicodeDecodeError if it is none."""
    return read_input().decode()


def read_input_json() -> Any:
    """Give what the call's input says in JSON; ValueError if it is none."""
    return json.loads(read_input())


def read_input_pickle() -> Any:
    """Give the object that was pickled into the call's input. A pickle can run any code: here, in this sandbox."""
    return pickle.loads(read_input())


def write_output(content: Bytes) -> None:
    """Make `content` the call's output, in place of an earlier one; any bytes."""
    host().write_output(as_bytes(content, "the output", "write_output_text takes text"))


def write_output_text(text: str) -> None:
    """Make a text the call's output, in UTF-8."""
    write_output(text.encode())


def write_output_json(value: Any) -> None:
    """Make a value the call's output, in JSON; TypeError for what JSON cannot say."""
    write_output(json.dumps(value).encode())


def write_output_pickle(value: Any) -> None:
    """Make an object the call's output, pickled."""
    write_output(pickle.dumps(value))


def log(message: object, level: str | int = "info") -> None:
    """Add a line to the call's log; `level` is a name or number of the module logging."""
    number = level if isinstance(level, int) else _LEVELS.get(level.lower())
    if number is None:
        raise ValueError(f"{level!r} is no level; there are {', '.join(_LEVELS)}")
    host().log(number, str(message))


class LogHandler(logging.Handler):
    """Pass records of the module logging to the call's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        try:
            log(self.format(record), record.levelno)
        except Exception:
            self.handleError(record)


@dataclass(frozen=True)
class CallStatus:
    """Hold how a chained call ended: `status` 0 and an empty `failure` are success."""

    status: int
    failure: str
    error: str
    traceback: str


@dataclass(frozen=True)
class ChainedCall:
    """Hold a call that was chained; `number` counts the calls that this call chained, from 0."""

    number: int

    @property
    def id(self) -> str:
        """Give its id, the same each time this call is tried."""
        return bytes(host().call_id(self.number)).decode()

    def wait(self) -> CallStatus:
        """Wait for its end; does not raise if it failed."""
        return await_call(self)

    def output(self) -> bytes:
        """Wait for its end and give its output; CallFailed if it failed."""
        return await_output(self)


def chain(function: Callable[..., Any] | str, data: Bytes = b"", *, entry: str | None = None) -> ChainedCall:
    """Start another call beside this one, and return at once.

    function: a function at the top of this module, or the name of an uploaded function, "name" or "user/name".
    data: its input. entry: the entry of the named function, if not its default.
    Raises NotFound, AccessDenied, and LimitExceeded for too many or too deep.
    """
    if isinstance(function, str):
        return ChainedCall(host().chain(function, entry or "", as_bytes(data, "a call's input")))
    if entry is not None:
        raise TypeError("entry goes with the name of an uploaded function; a function of this module is its own entry")
    return ChainedCall(host().chain("", _top_level_name(function), as_bytes(data, "a call's input")))


def await_call(call: ChainedCall | int) -> CallStatus:
    """Wait for a chained call and say how it ended; does not raise if it failed."""
    return CallStatus(**json.loads(host().await_call(_number(call))))


def await_output(call: ChainedCall | int) -> bytes:
    """Wait for a chained call and give its output; CallFailed, with its traceback, if it failed."""
    return bytes(host().await_output(_number(call)))


def _number(call: ChainedCall | int) -> int:
    return call if isinstance(call, int) else call.number


def _top_level_name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    if (
        not name
        or name == "<lambda>"
        or isinstance(function, BuiltinFunctionType)
        or getattr(function, "__qualname__", "") != name
    ):
        raise TypeError(f"{function!r} cannot be chained: only a function at the top of this module can, by its name")
    module = sys.modules.get(getattr(function, "__module__", ""))
    # A decorator's function has the globals of the decorator's module, but names the module of what it decorates.
    if function not in (getattr(module, name, None), getattr(function, "__globals__", {}).get(name)):
        raise TypeError(f"{name} cannot be chained: its module has something else by that name")
    return str(name)
