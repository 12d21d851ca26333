"""Call the host from a guest: one Python function for each of the table, through ctypes."""

import ctypes
from collections.abc import Callable
from typing import Any

from pywasm_host.abi import HOST_FUNCTIONS, HostFunction, Kind, Result
from pywasm_host.errors import HostUnavailable, error_for

Find = Callable[[str], Any]
"""Give the function of a symbol as ctypes has it; AttributeError if there is none."""


class GuestBinding:
    """Hold the host's functions as Python functions: texts, bytes and numbers in, bytes or a number out.

    Raises HostUnavailable where there is no function host, as in python-wasm. The functions raise the errors of
    `pywasm_host.errors`.
    """

    def __init__(self, find: Find | None = None) -> None:
        find = find or ctypes.CDLL(None).__getitem__
        try:
            calls = {function.name: _prototype(find(function.symbol), function) for function in HOST_FUNCTIONS}
        except AttributeError:
            raise HostUnavailable(
                "there is no function host here: upload the module and call it as a function, or test it natively with"
                " pywasm_host.testing"
            ) from None
        self._take = calls["take"]
        self._error = calls["error"]
        for function in HOST_FUNCTIONS:
            setattr(self, function.name, self._method(function, calls[function.name]))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Say that there is no such function; those that exist are set on the object."""
        raise AttributeError(f"the host has no function {name}")

    def _method(self, function: HostFunction, call: Callable[..., int]) -> Callable[..., Any]:
        names: dict[str, Any] = {"call": call, "failed": self._failed, "taken": self._taken}
        exec(source(function), names)  # the parameters of the table, spelt out: a third of the time of a loop over them
        method: Callable[..., Any] = names[function.name]
        return method

    def _taken(self, length: int) -> bytes:
        """Take what is in the host's hand."""
        if length == 0:
            return b""
        buffer = bytearray(length)
        # Not an array of that length: ctypes would make a type of it, and keep that.
        self._take(ctypes.addressof(ctypes.c_char.from_buffer(buffer)), length)
        return bytes(buffer)

    def _failed(self, result: int) -> Exception:
        return error_for(-result, self._taken(max(self._error(), 0)).decode("utf-8", "replace"))


def source(function: HostFunction) -> str:
    """Give the Python function that makes a host call."""
    lines, words = [], []
    for name, kind in ((parameter.name, parameter.kind) for parameter in function.parameters):
        words.append(name)
        if kind is Kind.U32:
            continue
        words.append(f"len({name})")
        # A memoryview takes what holds bytes; of a number, bytes() would make so many zeros.
        as_bytes = f"if type({name}) is not bytes: {name} = bytes(memoryview({name}))"
        lines.append(f"{name} = {name}.encode()" if kind is Kind.TEXT else as_bytes)
    lines += [f"result = call({', '.join(words)})", "if result < 0: raise failed(result)"]
    lines.append("return taken(result)" if function.result is Result.DATA else "return result")
    head = f"def {function.name}({', '.join(parameter.name for parameter in function.parameters)}):"
    return "\n    ".join((head, *lines)) + "\n"


def _prototype(found: Any, function: HostFunction) -> Callable[..., int]:
    found.restype = ctypes.c_int32
    found.argtypes = [
        kind
        for parameter in function.parameters
        for kind in ((ctypes.c_uint32,) if parameter.kind is Kind.U32 else (ctypes.c_char_p, ctypes.c_uint32))
    ]
    return found  # type: ignore[no-any-return]
