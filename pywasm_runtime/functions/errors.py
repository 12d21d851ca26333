"""Name what can go wrong around functions.

FunctionError
├── InvalidName         a user, function, entry, key or path that is not accepted
├── NotFound            no such function, version, call or key
├── UploadRefused       code that cannot become a function; may hold the guest's traceback
├── LimitExceeded       a size or number over its limit
├── Busy                too many calls are waiting; `retry_after` says when to come again
├── Denied              a token that is not known, or another user's name
├── CallFailed          a chained call failed whose output was asked for
├── Unavailable         something that this machine or sandbox cannot do
└── StorageError        the storage cannot be read or written: a full disk, a damaged file
"""

from pywasm_runtime.errors import EmbedderError


class FunctionError(EmbedderError):
    """Be the base of every error around functions; `http_status` is what a server answers."""

    http_status = 400


class InvalidName(FunctionError):
    """Say which name is not accepted, and what would be."""


class NotFound(FunctionError):
    """Say what does not exist."""

    http_status = 404


class UploadRefused(FunctionError):
    """Say why code cannot become a function; `traceback` is the guest's, if importing it failed."""

    http_status = 422

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class LimitExceeded(FunctionError):
    """Say which limit, and how far it was exceeded."""

    http_status = 413


class Busy(FunctionError):
    """Say that too much is waiting; `retry_after` is in seconds."""

    http_status = 429

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Denied(FunctionError):
    """Say that the caller may not do this; `http_status` 401 for an unknown token, 403 for another user's name."""

    http_status = 403


class CallFailed(FunctionError):
    """Say which chained call failed, and how; goes to the guest that awaits it."""


class Unavailable(FunctionError):
    """Say what cannot be done here, and what to do instead."""

    http_status = 501


class StorageError(FunctionError):
    """Say what of the storage cannot be used, and why."""

    http_status = 503
