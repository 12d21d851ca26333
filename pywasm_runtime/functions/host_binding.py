"""Bind the table of host calls to an object: decode what the guest passes, encode what the methods give.

Everything that the guest passes is checked here: an address outside of its memory, a text that is not UTF-8 are errors
that it gets back, never anything that happens to us.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from pywasm_host.abi import HOST_FUNCTIONS, ErrorCode, Kind, Result
from pywasm_runtime.functions.errors import (
    Busy,
    CallFailed,
    Denied,
    FunctionError,
    InvalidName,
    LimitExceeded,
    NotFound,
    Unavailable,
)

MAX_ARGUMENT_BYTES = 256 << 20
_MAX_NUMBER = (1 << 31) - 1
_MAX_MESSAGE_BYTES = 1 << 16
_CODES: dict[type[FunctionError], ErrorCode] = {
    InvalidName: ErrorCode.INVALID,
    NotFound: ErrorCode.NOT_FOUND,
    LimitExceeded: ErrorCode.LIMIT,
    Denied: ErrorCode.DENIED,
    Busy: ErrorCode.BUSY,
    CallFailed: ErrorCode.CALL_FAILED,
    Unavailable: ErrorCode.UNAVAILABLE,
}

FUNCTIONS = {function.name: function for function in HOST_FUNCTIONS}
_KINDS = {function.name: [parameter.kind for parameter in function.parameters] for function in HOST_FUNCTIONS}

_log = logging.getLogger(__name__)


class Memory(Protocol):
    """Be the guest's memory."""

    def read(self, address: int, length: int) -> bytes | None:
        """Copy bytes out; None if they do not lie in it."""
        ...

    def write(self, address: int, content: bytes) -> bool:
        """Copy bytes in; False if they do not fit."""
        ...


class _BadArgument(Exception):
    """Say which argument of the guest is wrong."""


class HostBinding:
    """Bind the functions of one guest to the methods of `target`, which have the table's names.

    A method takes texts, bytes and numbers, gives bytes, a number or None, and may raise FunctionError, which the guest
    gets as an error. A BaseException that is no Exception passes through: it ends the call.
    """

    def __init__(self, memory: Memory, target: object) -> None:
        self._memory = memory
        self._target = target
        self._hand = b""
        self._message = b""

    def body(self, name: str) -> Callable[..., int]:
        """Give what a function of the table does, over unsigned i32; it never raises an Exception."""
        match name:
            case "take":
                return self._take
            case "error":
                return self._error
        function = FUNCTIONS[name]
        kinds = _KINDS[name]

        def body(*words: int) -> int:
            try:
                arguments = self._decoded(kinds, words)
                result = getattr(self._target, function.name)(*arguments)
                return self._encoded(function.result, result)
            except _BadArgument as error:
                return self._fail(ErrorCode.INVALID, f"{function.name}: {error}")
            except FunctionError as error:
                return self._fail(_CODES.get(type(error), ErrorCode.INTERNAL), str(error))
            except Exception as error:  # a defect of ours: the guest gets an error, not a dead process
                _log.exception("the host function %s failed", function.name)
                return self._fail(ErrorCode.INTERNAL, f"{function.name}: internal error: {type(error).__name__}")

        return body

    def _decoded(self, kinds: list[Kind], words: tuple[int, ...]) -> list[Any]:
        arguments: list[Any] = []
        rest = iter(words)
        for kind in kinds:
            word = next(rest)
            if kind is Kind.U32:
                arguments.append(word)
                continue
            content = self._read(word, next(rest))
            arguments.append(content if kind is Kind.DATA else _text(content))
        return arguments

    def _read(self, address: int, length: int) -> bytes:
        if length > MAX_ARGUMENT_BYTES:
            raise _BadArgument(f"{length} bytes at once are more than {MAX_ARGUMENT_BYTES}")
        content = self._memory.read(address, length) if length else b""
        if content is None:
            raise _BadArgument(f"{length} bytes at {address:#x} are not in the guest's memory")
        return content

    def _encoded(self, result: Result, value: Any) -> int:
        if result is Result.DATA:
            self._hand = value if type(value) is bytes else bytes(memoryview(value))
            return len(self._hand)
        if result is Result.NUMBER:
            number = int(value)
            if not 0 <= number <= _MAX_NUMBER:
                raise FunctionError(f"the number {number} is larger than what a guest can be told")
            return number
        return 0

    def _take(self, address: int, length: int) -> int:
        content, self._hand = self._hand[:length], b""
        if self._memory.write(address, content):
            return 0
        return self._fail(ErrorCode.INVALID, f"take: {length} bytes at {address:#x} are not in the guest's memory")

    def _error(self) -> int:
        self._hand = self._message
        return len(self._hand)

    def _fail(self, code: ErrorCode, message: str) -> int:
        self._message = message.encode("utf-8", "replace")[:_MAX_MESSAGE_BYTES]
        return -code


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise _BadArgument("a text that is not UTF-8") from None
