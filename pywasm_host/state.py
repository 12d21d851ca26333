"""Keep state: values by key, shared by all functions of a user.

Two tiers: the local one belongs to the machine, and all calls there share it; the global one belongs to the cluster.
Reading takes a value from the global tier if the local one has none; writing changes the local one, until it is pushed.
Keys are texts of at most 512 bytes. Every function raises NotFound for a key that has no value, but those that write.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pywasm_host.backend import host
from pywasm_host.calls import Bytes, as_bytes
from pywasm_host.errors import LockTimeout

_FOREVER_MILLISECONDS = 0x7FFFFFFF


def state_size(key: str) -> int:
    """Give the size of a value in bytes."""
    return int(host().state_size(key))


def read_state(key: str) -> bytes:
    """Give a value."""
    return bytes(host().read_state(key))


def read_state_range(key: str, offset: int, length: int) -> bytes:
    """Give `length` bytes of a value from `offset` on; fewer where it ends before."""
    return bytes(host().read_state_range(key, natural("offset", offset), natural("length", length)))


def write_state(key: str, content: Bytes) -> None:
    """Replace a value in the local tier; the new one may be shorter or longer."""
    host().write_state(key, as_bytes(content, "a value"))


def write_state_range(key: str, offset: int, content: Bytes, *, size: int | None = None) -> None:
    """Replace a part of a value in the local tier.

    size: how large the whole value is to be at least; by default as large as it is, or as the part needs. What is new
    of it besides is zero.
    """
    host().write_state_range(key, natural("size", size or 0), natural("offset", offset), as_bytes(content, "a value"))


def push_state(key: str, offset: int = 0, length: int | None = None) -> None:
    """Copy a value, or `length` bytes of it, from the local tier to the global one."""
    if length is None and offset == 0:
        host().push_state(key)
    else:
        rest = state_size(key) - offset if length is None else length
        host().push_state_range(key, natural("offset", offset), natural("length", rest))


def pull_state(key: str) -> None:
    """Replace a value of the local tier by that of the global one."""
    host().pull_state(key)


def delete_state(key: str) -> None:
    """Delete a value in both tiers."""
    host().delete_state(key)


def append_state(key: str, content: Bytes) -> None:
    """Append an entry to a key's log, which is global at once, and no part of the key's value."""
    host().append_state(key, as_bytes(content, "an entry"))


def read_appended(key: str, count: int | None = None) -> list[bytes]:
    """Give the first `count` entries of a key's log, or all, in order; none if there is no log."""
    if count is not None and count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    packed = bytes(host().read_appended(key, natural("count", count or 0)))
    entries, position = [], 0
    while position < len(packed):
        end = position + 4 + int.from_bytes(packed[position : position + 4], "little")
        entries.append(packed[position + 4 : end])
        position = end
    return entries


def clear_appended(key: str) -> None:
    """Remove a key's log."""
    host().clear_appended(key)


@contextmanager
def lock_state(key: str, *, shared: bool = False, timeout: float | None = None) -> Iterator[None]:
    """Lock a key in the whole cluster for the length of a with block; `shared` locks do not exclude each other.

    timeout: seconds to wait, by default for as long as the call may run; then LockTimeout. If the call ends or its
    machine dies, the lock is free again.
    """
    wait = _FOREVER_MILLISECONDS if timeout is None else int(min(max(timeout, 0) * 1000, _FOREVER_MILLISECONDS))
    if not host().lock_state(key, 0 if shared else 1, wait):
        waited = "until the call's time was over" if timeout is None else f"for {timeout:g} s"
        raise LockTimeout(f"the state key {key!r} stayed locked by others {waited}")
    try:
        yield
    finally:
        host().unlock_state(key)


def natural(name: str, number: int) -> int:
    """Accept what fits into 32 bits."""
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"{name} must be between 0 and 4 GiB, not {number}")
    return number
