"""Say what a worker asks of sandboxes: `sandboxes.Sandboxes` is the real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pywasm_runtime.functions.model import Failure, FunctionVersion, ImageReport


class GuestResultLike(Protocol):
    """Hold how the guest ended; see `model.Outcome`."""

    @property
    def status(self) -> int:
        """Give what the entry returned."""
        ...

    @property
    def failure(self) -> Failure:
        """Say why it failed."""
        ...

    @property
    def error(self) -> str:
        """Give one line about it."""
        ...

    @property
    def traceback(self) -> str:
        """Give the guest's traceback."""
        ...

    @property
    def stdout(self) -> bytes:
        """Give what it printed."""
        ...

    @property
    def stderr(self) -> bytes:
        """Give what it printed there."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Give the size of its memory."""
        ...


class SandboxLike(Protocol):
    """Be ready for one call."""

    def run(self, host: object, entry: str) -> GuestResultLike:
        """Make the call; `host` has the methods of the ABI."""
        ...

    def interrupt(self, reason: str) -> None:
        """Let the guest know that its time is over; from any thread."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class SandboxesLike(Protocol):
    """Make images and sandboxes."""

    def warm_up(self) -> None:
        """Load what all workers share, before they are forked."""
        ...

    def use_tmp(self, folder: Path) -> None:
        """Say, in a worker, which folder its guests see as /tmp."""
        ...

    def make_image(
        self, function: FunctionVersion, code: Path, started: Callable[[Callable[[str], None]], None]
    ) -> ImageReport:
        """Import a function's module and keep the image; `started` gets what interrupts the import, before it."""
        ...

    def prepare(self, function: FunctionVersion, code: Path) -> SandboxLike:
        """Make a sandbox that is ready for one call."""
        ...
