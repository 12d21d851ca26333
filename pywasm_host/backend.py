"""Find who answers the host calls: the host of a guest, or, in native Python, what a test put in its place.

A backend has a method for each function of the table in `abi`, with texts, bytes and numbers.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pywasm_host.errors import HostUnavailable

_IN_GUEST: bool = sys.platform == "wasi"
_backend: Any = None


def host() -> Any:
    """Give the backend; HostUnavailable if there is none."""
    global _backend
    if _backend is None:
        if not _IN_GUEST:
            raise HostUnavailable(
                "there is no function host in native Python: call the function through pywasm_host.testing.call"
            )
        from pywasm_host.binding import GuestBinding

        _backend = GuestBinding()
    return _backend


@contextmanager
def answered_by(backend: Any) -> Iterator[None]:
    """Let `backend` answer for the length of a with block."""
    global _backend
    before, _backend = _backend, backend
    try:
        yield
    finally:
        _backend = before
