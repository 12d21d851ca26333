"""End a call from inside a host call."""

from pywasm_runtime.functions.model import Failure


class EndCall(BaseException):
    """Carry why the call ends at once.

    Not an Exception: whoever turns what a host function raises into an error for the guest lets this one through.
    """

    def __init__(self, failure: Failure, error: str) -> None:
        super().__init__(error)
        self.failure = failure
        self.error = error
