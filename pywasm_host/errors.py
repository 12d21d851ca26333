"""Name what a host call can say no to.

HostError
├── InvalidRequest      a key, name or number that is not accepted
├── NotFound            no such key, configuration, function or call
├── LimitExceeded       a size or number over the function's limits
├── AccessDenied        another user's function
├── Busy                the host has too much to do; trying again later may help
├── CallFailed          a chained call failed; its traceback is in the message
├── LockTimeout         others kept a lock for too long
├── HostUnavailable     there is no function host here, or it cannot do this
└── DeadlineExceeded    the call's time is over; raised in the middle of whatever runs
"""

from pywasm_host.abi import ErrorCode


class HostError(Exception):
    """Be the base of every error of this package."""


class InvalidRequest(HostError, ValueError):
    """Say what is not accepted, and what would be."""


class NotFound(HostError, LookupError):
    """Say what does not exist."""


class LimitExceeded(HostError):
    """Say which limit, and how far it was exceeded."""


class AccessDenied(HostError):
    """Say what this function may not use."""


class Busy(HostError):
    """Say that too much is waiting."""


class CallFailed(HostError):
    """Say which chained call failed, and how; the message has its traceback."""


class LockTimeout(HostError, TimeoutError):
    """Say which key others kept locked."""


class HostUnavailable(HostError):
    """Say that there is no function host, or that it cannot do this."""


class DeadlineExceeded(HostError, TimeoutError):
    """Tell that the call's time is over; it has a second to clean up."""

    def __str__(self) -> str:
        """Say it in words: the embedder raises this without arguments."""
        return super().__str__() or "the call's time is over"


_BY_CODE: dict[int, type[HostError]] = {
    ErrorCode.INVALID: InvalidRequest,
    ErrorCode.NOT_FOUND: NotFound,
    ErrorCode.LIMIT: LimitExceeded,
    ErrorCode.DENIED: AccessDenied,
    ErrorCode.BUSY: Busy,
    ErrorCode.CALL_FAILED: CallFailed,
    ErrorCode.UNAVAILABLE: HostUnavailable,
}


def error_for(code: int, message: str) -> HostError:
    """Make the exception for an error code of the host."""
    return _BY_CODE.get(code, HostError)(message)
