"""Let a running call ask the supervisor: to chain calls, to await them, to have its slot back."""

import time
from dataclasses import dataclass
from typing import NoReturn, Protocol

from pywasm_runtime.functions import errors
from pywasm_runtime.functions.errors import FunctionError, LimitExceeded
from pywasm_runtime.functions.frames import Channel, Frame
from pywasm_runtime.functions.model import Failure

_AFTER_DEADLINE = 0.05
"""Wait this much longer than the wall time: the guest is told by then, and hears it when the host call returns."""


@dataclass(frozen=True, kw_only=True)
class ChildEnding:
    """Hold how a chained call ended; `output` is there only if it was asked for."""

    status: int
    failure: Failure
    error: str
    traceback: str
    output: bytes


class CallLine(Protocol):
    """Be what a call asks; each method raises FunctionError for what goes wrong."""

    def chain(self, ordinal: int, function: str, entry: str, content: bytes) -> None:
        """Have a call accepted; "" for this function, or for its default entry."""
        ...

    def await_child(self, ordinal: int, *, output: bool) -> ChildEnding:
        """Wait until the child has ended."""
        ...

    def pause(self) -> None:
        """Say that the call waits for something else, and needs no processor meanwhile."""
        ...

    def resume(self) -> None:
        """Wait until the call may go on."""
        ...

    def hold_locks(self) -> None:
        """Say that the call has locks, whose leases are to be renewed."""
        ...


class SupervisorLine:
    """Ask over the worker's channel; `deadline` is the end of the call's wall time, by time.monotonic."""

    def __init__(self, channel: Channel, deadline: float) -> None:
        self._channel = channel
        self._deadline = deadline
        self._number = 0

    def chain(self, ordinal: int, function: str, entry: str, content: bytes) -> None:
        """Have a call accepted."""
        fields = {"ordinal": ordinal, "function": function, "entry": entry}
        self._ask(Frame(kind="chain", fields=fields, parts=(content,)))

    def await_child(self, ordinal: int, *, output: bool) -> ChildEnding:
        """Wait until the child has ended."""
        reply = self._ask(Frame(kind="await", fields={"ordinal": ordinal, "output": output}))
        fields = reply.fields
        return ChildEnding(
            status=fields["status"],
            failure=Failure(fields["failure"]),
            error=fields["error"],
            traceback=fields["traceback"],
            output=reply.parts[0],
        )

    def pause(self) -> None:
        """Give the slot up."""
        self._channel.send(Frame(kind="pause"))

    def resume(self) -> None:
        """Wait for a slot."""
        self._ask(Frame(kind="resume"))

    def hold_locks(self) -> None:
        """Have the leases renewed."""
        self._channel.send(Frame(kind="locks"))

    def _ask(self, question: Frame) -> Frame:
        self._number += 1
        fields = {**question.fields, "number": self._number}
        self._channel.send(Frame(kind=question.kind, fields=fields, parts=question.parts))
        while True:
            left = self._deadline + _AFTER_DEADLINE - time.monotonic()
            try:
                reply = self._channel.receive(max(left, 0.0))
            except TimeoutError:
                raise LimitExceeded("the call's time is over while it waits") from None
            if reply is None:
                raise SystemExit  # the supervisor is gone, and with it whoever could take the outcome
            if reply.kind != "reply" or reply.fields["number"] != self._number:
                continue  # the answer to a question whose time was over
            if reply.fields.get("error_kind"):
                _raise(reply.fields["error_kind"], reply.fields["message"])
            return reply


def _raise(kind: str, message: str) -> NoReturn:
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, FunctionError):
        raise found(message)
    raise FunctionError(message)
