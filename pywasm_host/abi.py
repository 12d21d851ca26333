"""The host calls: one table from which the guest's binding, the host's and the documentation are derived.

In wasm every parameter and result is an i32. A text or data parameter is an address and a length, two of them. A
function gives 0 or more, or minus an error's code. What a function gives as data stays in the host's hand: its result
is the length, and `take` copies it to the guest. After an error, `error` puts the message into the host's hand the
same way. Bytes are exact: a NUL byte is one like all others.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

ABI_VERSION = 1
"""Goes up when a function changes or goes; a new one leaves it as it is."""

SYMBOL_PREFIX = "pywasm_host_"
"""The guest finds each function as a symbol of this prefix and its name, as with `ctypes.CDLL(None)`."""


class Kind(Enum):
    """Say what a parameter is."""

    TEXT = "text"
    DATA = "data"
    U32 = "u32"


class Result(Enum):
    """Say what a function gives when it succeeds."""

    NOTHING = "nothing"
    NUMBER = "number"
    DATA = "data"


class ErrorCode(IntEnum):
    """Say what went wrong; the result is minus this."""

    INVALID = 1
    NOT_FOUND = 2
    LIMIT = 3
    DENIED = 4
    BUSY = 5
    CALL_FAILED = 6
    INTERNAL = 7
    UNAVAILABLE = 8


@dataclass(frozen=True)
class Parameter:
    """Hold a parameter's name and kind."""

    name: str
    kind: Kind

    @property
    def wasm_parameters(self) -> int:
        """Count the i32 that it takes."""
        return 1 if self.kind is Kind.U32 else 2


@dataclass(frozen=True)
class HostFunction:
    """Hold one host call: its name, parameters, result, and in words what it does."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Result
    meaning: str

    @property
    def symbol(self) -> str:
        """Give the name by which a guest finds it."""
        return SYMBOL_PREFIX + self.name

    @property
    def wasm_parameters(self) -> int:
        """Count the i32 parameters."""
        return sum(parameter.wasm_parameters for parameter in self.parameters)


def _function(name: str, parameters: str, result: Result, meaning: str) -> HostFunction:
    """Read parameters as "key: text, offset: u32"."""
    pairs = [part.split(": ") for part in parameters.split(", ") if part]
    return HostFunction(name, tuple(Parameter(one, Kind(kind)) for one, kind in pairs), result, meaning)


_NOTHING, _NUMBER, _DATA = Result.NOTHING, Result.NUMBER, Result.DATA

HOST_FUNCTIONS = (
    _function("read_input", "", _DATA, "The call's input."),
    _function("write_output", "content: data", _NOTHING, "Make `content` the output, in place of an earlier one."),
    _function("log", "level: u32, message: text", _NOTHING, "Add a line to the log; levels as in Python's logging."),
    _function(
        "call_information",
        "",
        _DATA,
        "JSON: id, user, function, version, entry, module, deadline (seconds since the epoch), depth, attempt.",
    ),
    _function("config", "key: text", _DATA, "A value of the function's configuration, UTF-8."),
    _function(
        "chain",
        "function: text, entry: text, input: data",
        _NUMBER,
        'Have another call accepted and give its number, from 0; it runs beside this one. `function` "" is this one,'
        ' `entry` "" the function\'s default entry.',
    ),
    _function(
        "await_call",
        "number: u32",
        _DATA,
        "Wait for a chained call. JSON: status, failure (empty on success), error, traceback.",
    ),
    _function(
        "await_output", "number: u32", _DATA, "Wait for a chained call and give its output; CALL_FAILED if it failed."
    ),
    _function("call_id", "number: u32", _DATA, "The id of a chained call, UTF-8."),
    _function("state_size", "key: text", _NUMBER, "The size of a value in bytes."),
    _function("read_state", "key: text", _DATA, "A value, from the local tier, else from the global one."),
    _function("read_state_range", "key: text, offset: u32, length: u32", _DATA, "A part of a value."),
    _function("write_state", "key: text, content: data", _NOTHING, "Replace a value in the local tier only."),
    _function(
        "write_state_range",
        "key: text, total: u32, offset: u32, content: data",
        _NOTHING,
        "Replace a part of a value of the local tier, which has at least `total` bytes then; all that is new is zero.",
    ),
    _function("push_state", "key: text", _NOTHING, "Copy a value from the local tier to the global one."),
    _function("push_state_range", "key: text, offset: u32, length: u32", _NOTHING, "The same, of a part of a value."),
    _function("pull_state", "key: text", _NOTHING, "Replace a value of the local tier by that of the global one."),
    _function("delete_state", "key: text", _NOTHING, "Delete a value in both tiers."),
    _function("append_state", "key: text, content: data", _NOTHING, "Append an entry to a key's log, which is global."),
    _function(
        "read_appended",
        "key: text, count: u32",
        _DATA,
        "The first `count` entries of a key's log, 0 for all: of each its length, u32 little-endian, and its bytes.",
    ),
    _function("clear_appended", "key: text", _NOTHING, "Remove a key's log."),
    _function(
        "lock_state",
        "key: text, exclusive: u32, wait_milliseconds: u32",
        _NUMBER,
        "Lock a key for this call, in the whole cluster: 1, or 0 if others kept it for so long. The call's end unlocks"
        " it.",
    ),
    _function("unlock_state", "key: text", _NOTHING, "Unlock a key."),
    _function(
        "map_state",
        "key: text, address: u32, size: u32",
        _NOTHING,
        "Map a value of the local tier, made `size` bytes long if it is shorter, over the guest's memory, there in"
        " whole pages of 65536 bytes. All who map it see each other's writes. UNAVAILABLE where the machine cannot.",
    ),
    _function("report", "content: data", _NOTHING, "Used by the runner: how a step went, as JSON."),
    _function("error", "", _DATA, "The message of the last error, UTF-8."),
    _function("take", "address: u32, length: u32", _NOTHING, "Copy what the host has in its hand to the guest."),
)
