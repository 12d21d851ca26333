"""Answer the host calls of a function in native Python, in this process: what `pywasm_host.testing` runs.

A chained call runs when its parent waits for it, at the latest when the parent has ended. Ids count from 1, so that
each run of a test has the same.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import unwrap
from types import ModuleType
from typing import Any

from pywasm_host.backend import answered_by
from pywasm_host.entry import Ending, call_entry
from pywasm_host.errors import AccessDenied, CallFailed, HostUnavailable, LimitExceeded, NotFound
from pywasm_host.information import forget_call
from pywasm_host.local_state import LocalState, check_key

DEFAULT_ENTRY = "faasm_main"
MAX_DEPTH = 16
_NOT_CAUGHT = (KeyboardInterrupt, GeneratorExit)

Function = Callable[..., Any] | ModuleType
"""What can be called: an entry, or the module that has entries."""


@dataclass(kw_only=True)
class World:
    """Hold what calls share: the user's state, configuration and other functions, by name."""

    user: str = "tester"
    config: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    state: LocalState = field(default_factory=LocalState)
    seconds: float = 60.0
    calls: int = 0

    def next_id(self) -> str:
        """Give the id of another call that nobody chained."""
        self.calls += 1
        return f"{self.calls:032x}"


class LocalCall:
    """Hold one call and answer its host calls; the methods are the table's functions."""

    def __init__(self, world: World, call_id: str, function: "Entry", content: bytes) -> None:
        self.world = world
        self.id = call_id
        self.function = function
        self.input = content
        self.output = b""
        self.logged: list[tuple[int, str]] = []
        self.children: list[LocalCall] = []
        self.ending: Ending | None = None
        self._deadline = time.time() + world.seconds

    @property
    def depth(self) -> int:
        """Count the calls above this one."""
        return self.id.count(".")

    def run(self) -> Ending:
        """Run the call, unless it has run, and what it chained without waiting for it."""
        if self.ending is None:
            forget_call()
            try:
                with answered_by(self):
                    self.ending = call_entry(self.function.entry, self.read_input, passing=_NOT_CAUGHT)
            finally:
                self.world.state.unlock_all(self.id)
                forget_call()
            for child in self.children:
                child.run()
        return self.ending

    def read_input(self) -> bytes:
        """Give the input."""
        return self.input

    def write_output(self, content: bytes) -> None:
        """Replace the output."""
        self.output = bytes(content)

    def log(self, level: int, message: str) -> None:
        """Keep a line of the log."""
        self.logged.append((level, message))

    def call_information(self) -> bytes:
        """Say which call this is."""
        about = {"id": self.id, "user": self.world.user, "function": self.function.name, "version": 1, "attempt": 1}
        entry = getattr(self.function.entry, "__name__", DEFAULT_ENTRY)
        return json.dumps({**about, "entry": entry, "deadline": self._deadline, "depth": self.depth}).encode()

    def config(self, key: str) -> bytes:
        """Give a value of the configuration."""
        try:
            return self.world.config[key].encode()
        except KeyError:
            raise NotFound(f"the function has no configuration {key!r}") from None

    def chain(self, function: str, entry: str, content: bytes) -> int:
        """Keep a call to be run, and give its number."""
        if self.depth >= MAX_DEPTH:
            raise LimitExceeded(f"a call at depth {self.depth} may chain no further: that is the limit")
        found = self._other_function(function, entry) if function else self.function.beside(entry)
        self.children.append(LocalCall(self.world, f"{self.id}.{len(self.children)}", found, bytes(content)))
        return len(self.children) - 1

    def await_call(self, number: int) -> bytes:
        """Run a chained call, and say how it ended."""
        return json.dumps(self._child(number).run().plain()).encode()

    def await_output(self, number: int) -> bytes:
        """Run a chained call, and give its output."""
        child = self._child(number)
        ending = child.run()
        if ending.failure:
            words = f"call {child.id} failed ({ending.failure}): {ending.error}"
            raise CallFailed(f"{words}\n{ending.traceback}".rstrip())
        return child.output

    def call_id(self, number: int) -> bytes:
        """Give the id of a chained call."""
        return self._child(number).id.encode()

    def state_size(self, key: str) -> int:
        """Give a value's size."""
        return self.world.state.size(key)

    def read_state(self, key: str) -> bytes:
        """Give a value."""
        return bytes(self.world.state.value(key))

    def read_state_range(self, key: str, offset: int, length: int) -> bytes:
        """Give a part of a value."""
        return bytes(self.world.state.value(key)[offset : offset + length])

    def write_state(self, key: str, content: bytes) -> None:
        """Replace a value."""
        self.world.state.write(key, content)

    def write_state_range(self, key: str, total: int, offset: int, content: bytes) -> None:
        """Replace a part of a value."""
        self.world.state.write_range(key, total, offset, content)

    def push_state(self, key: str) -> None:
        """Copy a value to the global tier."""
        self.world.state.push(key)

    def push_state_range(self, key: str, offset: int, length: int) -> None:
        """Copy a part of a value to the global tier."""
        self.world.state.push(key, offset, length)

    def pull_state(self, key: str) -> None:
        """Copy a value from the global tier."""
        self.world.state.pull(key)

    def delete_state(self, key: str) -> None:
        """Delete a value."""
        self.world.state.delete(key)

    def append_state(self, key: str, content: bytes) -> None:
        """Append to a log."""
        self.world.state.append(key, content)

    def read_appended(self, key: str, count: int) -> bytes:
        """Give entries of a log."""
        return self.world.state.read_appended(key, count)

    def clear_appended(self, key: str) -> None:
        """Remove a log."""
        self.world.state.appended.pop(check_key(key), None)

    def lock_state(self, key: str, exclusive: int, wait_milliseconds: int) -> int:
        """Lock a key; nobody could unlock it while this call waits, so it does not."""
        return int(self.world.state.lock(key, self.id, exclusive=bool(exclusive)))

    def unlock_state(self, key: str) -> None:
        """Unlock a key."""
        self.world.state.unlock(key, self.id)

    def map_state(self, key: str, address: int, size: int) -> None:
        """Say that there is nothing to map: the view becomes a copy."""
        raise HostUnavailable("state cannot be mapped in native Python")

    def report(self, content: bytes) -> None:
        """Be there for the table's sake: there is no runner here."""

    def _child(self, number: int) -> "LocalCall":
        if not 0 <= number < len(self.children):
            raise NotFound(f"this call has chained no call with number {number}; it has chained {len(self.children)}")
        return self.children[number]

    def _other_function(self, function: str, entry: str) -> "Entry":
        user, slash, name = function.rpartition("/")
        if slash and user != self.world.user:
            raise AccessDenied(f"{function!r} is another user's function; a call may chain those of its own user")
        if name not in self.world.functions:
            raise NotFound(f"there is no function {name!r}; the test names those that there are")
        return find_entry(self.world.functions[name], name, entry)


@dataclass(frozen=True)
class Entry:
    """Hold what is called: an entry of the function `name`, and what is at the top of its module."""

    name: str
    module: Mapping[str, Any]
    entry: Callable[..., Any]

    def beside(self, entry: str) -> "Entry":
        """Give another entry of the same module."""
        return _entry_in(self.name, self.module, entry)


def find_entry(function: Function, name: str = "", entry: str = "") -> Entry:
    """Give an entry of a function, by default its default one; the name is by default its module's."""
    if isinstance(function, ModuleType):
        return _entry_in(name or _last_part(function.__name__), vars(function), entry)
    # What the function sees, as a test may have loaded its module under any name.
    own = Entry(name or _last_part(function.__module__), getattr(unwrap(function), "__globals__", {}), function)
    return own.beside(entry) if entry else own


def _entry_in(name: str, module: Mapping[str, Any], entry: str) -> Entry:
    found = module.get(entry or DEFAULT_ENTRY)
    if not callable(found):
        raise NotFound(f"the function {name!r} has no entry {entry or DEFAULT_ENTRY!r}")
    return Entry(name, module, found)


def _last_part(module_name: str) -> str:
    return module_name.rpartition(".")[2]
