"""Keep state for tests in native Python: the two tiers, the logs and the locks, in this process's memory."""

import struct
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field

from pywasm_host.errors import InvalidRequest, NotFound

MAX_KEY_BYTES = 512


@dataclass
class Lock:
    """Hold who has a key locked, and how often; `exclusive` if that is one call alone."""

    exclusive: bool = False
    holders: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


class LocalState:
    """Hold the state of one user: `local` is the machine's tier, `pushed` the global one, `appended` the logs."""

    def __init__(self) -> None:
        self.local: dict[str, bytearray] = {}
        self.pushed: dict[str, bytes] = {}
        self.appended: dict[str, list[bytes]] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    def size(self, key: str) -> int:
        """Give a value's size."""
        check_key(key)
        value = self.local.get(key, self.pushed.get(key))
        if value is None:
            raise self._missing(key)
        return len(value)

    def value(self, key: str) -> bytearray:
        """Give a value of the local tier, which takes it from the global one if need be."""
        check_key(key)
        if key not in self.local:
            self.pull(key)
        return self.local[key]

    def write(self, key: str, content: bytes) -> None:
        """Replace a value."""
        self.local[check_key(key)] = bytearray(content)

    def write_range(self, key: str, total: int, offset: int, content: bytes) -> None:
        """Replace a part of a value, which has at least `total` bytes then."""
        try:
            value = self.value(key)
        except NotFound:
            value = self.local[key] = bytearray()
        end = offset + len(content)
        value.extend(bytes(max(total, end, len(value)) - len(value)))
        value[offset:end] = content

    def push(self, key: str, offset: int = 0, length: int | None = None) -> None:
        """Copy a value, or a part of it, to the global tier."""
        value = self.local.get(check_key(key))
        if value is None:
            raise NotFound(f"state key {key!r} has no value on this machine that could be pushed")
        end = len(value) if length is None else min(offset + length, len(value))
        pushed = bytearray(self.pushed.get(key, b"").ljust(len(value), b"\0")[: len(value)])
        pushed[offset:end] = value[offset:end]
        self.pushed[key] = bytes(pushed)

    def pull(self, key: str) -> None:
        """Copy a value from the global tier."""
        if check_key(key) not in self.pushed:
            raise self._missing(key)
        self.local[key] = bytearray(self.pushed[key])

    def delete(self, key: str) -> None:
        """Delete a value in both tiers, and its log."""
        for tier in (self.local, self.pushed, self.appended):
            tier.pop(check_key(key), None)

    def append(self, key: str, content: bytes) -> None:
        """Append an entry to a log."""
        self.appended.setdefault(check_key(key), []).append(bytes(content))

    def read_appended(self, key: str, count: int) -> bytes:
        """Give the first `count` entries of a log, 0 means all."""
        entries = self.appended.get(check_key(key), [])[: count or None]
        return b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)

    def lock(self, key: str, holder: str, *, exclusive: bool) -> bool:
        """Lock a key; False if another holder is in the way."""
        lock = self._locks[check_key(key)]
        others = set(lock.holders) - {holder}
        if others and (exclusive or lock.exclusive):
            return False
        lock.exclusive |= exclusive
        lock.holders[holder] += 1
        return True

    def unlock(self, key: str, holder: str) -> None:
        """Unlock a key once."""
        lock = self._locks[check_key(key)]
        if holder not in lock.holders:
            raise NotFound(f"this call has no lock on state key {key!r}")
        lock.holders[holder] -= 1
        if not lock.holders[holder]:
            del lock.holders[holder]
            lock.exclusive = False

    def unlock_all(self, holder: str) -> None:
        """Unlock what a call has locked."""
        for lock in self._locks.values():
            if lock.holders.pop(holder, 0):
                lock.exclusive = False

    def _missing(self, key: str) -> NotFound:
        return NotFound(f"state key {key!r} has no value")


def check_key(key: str) -> str:
    """Accept what the host accepts as a state key, so that a test finds what an upload would."""
    size = len(key.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_KEY_BYTES:
        raise InvalidRequest(
            f"{key[:80]!r} cannot be a state key: it has {size} bytes, and may have 1 to {MAX_KEY_BYTES}"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in key):
        raise InvalidRequest(f"{key[:80]!r} cannot be a state key: it has control characters")
    return key
