"""Say which call this is, and what it was configured with."""

import json
import time
from typing import Any, overload

from pywasm_host.backend import host
from pywasm_host.errors import NotFound

_REQUIRED: Any = object()
_information: dict[str, Any] | None = None


def call_information() -> dict[str, Any]:
    """Give all that the host says of this call: id, user, function, version, entry, deadline, depth, attempt."""
    global _information
    if _information is None:
        _information = json.loads(host().call_information())
    return _information


def forget_call() -> None:
    """Forget what was said of an earlier call: used by the runner."""
    global _information
    _information = None


def call_id() -> str:
    """Give the id of this call: that of a chained one is its parent's, a dot and a number."""
    return str(call_information()["id"])


def user() -> str:
    """Give the user whose function this is."""
    return str(call_information()["user"])


def function_name() -> str:
    """Give the name of this function."""
    return str(call_information()["function"])


def attempt() -> int:
    """Tell how often this call was begun: 1, or more if a worker died with it."""
    return int(call_information()["attempt"])


def deadline() -> float:
    """Give when the call's time is over, in seconds since the epoch."""
    return float(call_information()["deadline"])


def remaining() -> float:
    """Give the seconds until the call's time is over; negative in the second after."""
    return deadline() - time.time()


@overload
def config(key: str) -> str: ...
@overload
def config(key: str, default: str | None) -> str | None: ...
def config(key: str, default: str | None = _REQUIRED) -> str | None:
    """Give a value of the function's configuration; NotFound without `default` if there is none."""
    try:
        return bytes(host().config(key)).decode()
    except NotFound:
        if default is _REQUIRED:
            raise
        return default
