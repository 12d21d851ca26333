"""Answer the host calls of one running call: the target that `host_binding` binds the guest's functions to."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.functions.call_line import CallLine
from pywasm_runtime.functions.end_call import EndCall
from pywasm_runtime.functions.errors import (
    CallFailed,
    Denied,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from pywasm_runtime.functions.log_lines import LogLines
from pywasm_runtime.functions.model import Call, Failure, FunctionVersion
from pywasm_runtime.functions.names import check_entry, check_function, check_key, check_user, quote
from pywasm_runtime.functions.state_access import StateAccess

MAX_INPUT_BYTES = 64 << 20

PAGE_BYTES = 1 << 16
"""Files are mapped in whole pages of wasm memory."""

MapFile = Callable[[int, int, Path], None]
"""Map a file into the guest's memory: address, size, path."""


@dataclass(frozen=True, kw_only=True)
class CallContext:
    """Hold what a call is: `module` is the function's, `preload` what the base image has imported."""

    call: Call
    function: FunctionVersion
    module: str
    preload: Sequence[str] = ()


def information(context: CallContext, deadline: float) -> Mapping[str, object]:
    """Give what the guest may know of its call; `deadline` is in seconds since the epoch."""
    call = context.call
    return {
        "id": call.id,
        "user": call.user,
        "function": call.function,
        "version": call.version,
        "entry": call.entry,
        "deadline": deadline,
        "depth": call.depth,
        "attempt": call.attempt,
        "module": context.module,
        "preload": list(context.preload),
        "environment": dict(context.function.settings.environment),
    }


class CallHost:
    """Hold what one call reads and writes; the methods are the ABI's functions, used on the guest's thread.

    `mapper` is set by the sandbox if it can map files into its memory.
    """

    def __init__(self, context: CallContext, line: CallLine, state: StateAccess) -> None:
        self._context = context
        self._call = context.call
        self._limits = context.function.settings.limits
        self._line = line
        self._state = state
        self._children = 0
        self._information = b""
        self.mapper: MapFile | None = None
        self.output = b""
        self.log_lines = LogLines(self._limits.log_bytes)
        self.start()

    def start(self) -> None:
        """Begin the call's wall time."""
        deadline = time.time() + self._limits.wall_seconds
        self._information = json.dumps(information(self._context, deadline)).encode()

    def read_input(self) -> bytes:
        """Give the call's input."""
        return self._call.input

    def write_output(self, content: bytes) -> None:
        """Replace the call's output."""
        limit = self._limits.output_bytes
        if len(content) > limit:
            raise EndCall(Failure.OUTPUT, f"the call wrote {len(content)} bytes of output, over its limit of {limit}")
        self.output = bytes(content)

    def log(self, level: int, text: str) -> None:
        """Keep a line for the logs."""
        self.log_lines.add(level, text)

    def call_information(self) -> bytes:
        """Give what the guest may know of its call, as JSON."""
        return self._information

    def config(self, key: str) -> bytes:
        """Give a value of the function's configuration."""
        try:
            return self._context.function.settings.config[key].encode()
        except KeyError:
            raise NotFound(f"the function has no configuration {quote(key)}") from None

    def chain(self, function: str, entry: str, content: bytes) -> int:
        """Have another call accepted, and give its ordinal."""
        name = self._own_function(function)
        if entry:
            check_entry(entry)
        if self._call.depth >= self._limits.chain_depth:
            raise LimitExceeded(f"a call at depth {self._call.depth} may chain no further: that is the limit")
        if self._children >= self._limits.children:
            raise LimitExceeded(f"the call has chained {self._children} calls, which is its limit")
        if len(content) > MAX_INPUT_BYTES:
            raise LimitExceeded(f"an input of {len(content)} bytes is over the limit of {MAX_INPUT_BYTES}")
        self._line.chain(self._children, name, entry, content)
        self._children += 1
        return self._children - 1

    def await_call(self, ordinal: int) -> bytes:
        """Wait for a chained call, and give how it ended as JSON."""
        ending = self._line.await_child(self._own_child(ordinal), output=False)
        fields = {"status": ending.status, "failure": ending.failure.value, "error": ending.error}
        return json.dumps({**fields, "traceback": ending.traceback}).encode()

    def await_output(self, ordinal: int) -> bytes:
        """Wait for a chained call, and give its output; an error if it failed."""
        ending = self._line.await_child(self._own_child(ordinal), output=True)
        if ending.failure:
            words = f"call {self._call.id}.{ordinal} failed ({ending.failure}): {ending.error}"
            raise CallFailed(f"{words}\n{ending.traceback}".rstrip())
        return ending.output

    def call_id(self, ordinal: int) -> bytes:
        """Give the id of a chained call."""
        return f"{self._call.id}.{self._own_child(ordinal)}".encode()

    def state_size(self, key: str) -> int:
        """Give a value's size."""
        return self._state.local.state_size(self._call.user, key)

    def read_state(self, key: str) -> bytes:
        """Give a value."""
        return self._state.local.read_state(self._call.user, key)

    def read_state_range(self, key: str, offset: int, length: int) -> bytes:
        """Give a part of a value."""
        return self._state.local.read_state_range(self._call.user, key, offset, length)

    def write_state(self, key: str, content: bytes) -> None:
        """Replace a value in the local tier."""
        self._state.local.write_state(self._call.user, key, content)

    def write_state_range(self, key: str, total: int, offset: int, content: bytes) -> None:
        """Replace a part of a value in the local tier."""
        self._state.local.write_state_range(self._call.user, key, total, offset, content)

    def push_state(self, key: str) -> None:
        """Copy a value to the global tier."""
        self._state.local.push_state(self._call.user, key)

    def push_state_range(self, key: str, offset: int, length: int) -> None:
        """Copy a part of a value to the global tier."""
        self._state.local.push_state_range(self._call.user, key, offset, length)

    def pull_state(self, key: str) -> None:
        """Copy a value from the global tier."""
        self._state.local.pull_state(self._call.user, key)

    def delete_state(self, key: str) -> None:
        """Delete a value in both tiers."""
        self._state.local.delete_state(self._call.user, key)

    def append_state(self, key: str, content: bytes) -> None:
        """Append an entry to a key's log."""
        self._state.local.append_state(self._call.user, key, content)

    def read_appended(self, key: str, count: int) -> bytes:
        """Give entries of a key's log, each with its length."""
        return self._state.local.read_appended(self._call.user, key, count)

    def clear_appended(self, key: str) -> None:
        """Remove a key's log."""
        self._state.local.clear_appended(self._call.user, key)

    def map_state(self, key: str, address: int, size: int) -> None:
        """Map a value of the local tier into the guest's memory."""
        if self.mapper is None:
            raise Unavailable("state cannot be mapped into this sandbox; read and write it instead")
        path = self._state.local.path_for_map(self._call.user, key, size)
        self.mapper(address, -(-size // PAGE_BYTES) * PAGE_BYTES, path)

    def lock_state(self, key: str, exclusive: int, wait_milliseconds: int) -> int:
        """Lock a key for this call; 0 if others keep it for longer than `wait_milliseconds`."""
        return int(self._state.lock(check_key(key), bool(exclusive), wait_milliseconds / 1000, self._line))

    def unlock_state(self, key: str) -> None:
        """Unlock a key."""
        self._state.unlock(check_key(key))

    def _own_function(self, name: str) -> str:
        """Give the bare name; "" for this function."""
        user, slash, function = name.rpartition("/")
        if slash and check_user(user) != self._call.user:
            raise Denied(f"{quote(name)} is another user's function; a call may chain those of its own user")
        return check_function(function) if function or slash else ""

    def _own_child(self, ordinal: int) -> int:
        if not 0 <= ordinal < self._children:
            raise NotFound(f"this call has chained no call with number {ordinal}; it has chained {self._children}")
        return ordinal
