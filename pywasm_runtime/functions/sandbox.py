"""Make one call in a process that is ready for it."""

from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.errors import GuestExit, GuestTrap
from pywasm_runtime.functions.capture import Capture, Captures
from pywasm_runtime.functions.end_call import EndCall
from pywasm_runtime.functions.errors import FunctionError, Unavailable
from pywasm_runtime.functions.guest_steps import GuestTarget, enter_runner
from pywasm_runtime.functions.interruption import Interruption
from pywasm_runtime.functions.model import Failure
from pywasm_runtime.functions.reports import Report
from pywasm_runtime.process import GuestProcess
from pywasm_runtime.restore import PAGE, map_file


@dataclass(frozen=True, kw_only=True)
class GuestResult:
    """Hold how a call ended; see `model.Outcome`."""

    status: int
    failure: Failure
    error: str
    traceback: str
    stdout: bytes
    stderr: bytes
    memory_bytes: int


class Sandbox:
    """Hold a process that is ready for one call."""

    def __init__(self, process: GuestProcess, streams: Captures) -> None:
        self._process = process
        self._streams = streams
        self._interruption = Interruption(process)

    def run(self, host: object, entry: str) -> GuestResult:
        """Make the call; `host` has the methods of the ABI. What the guest does wrong is in the result."""
        del entry  # the runner asks for it, with all else that the call information says
        target = GuestTarget(host)
        if hasattr(host, "mapper"):
            host.mapper = self._map
        try:
            enter_runner(self._process, "pywasm_call", target)
            report = target.report_of_step or Report()
        except GuestTrap as trap:
            report = Report(
                status=trap.exit_status, failure=Failure.TRAP, error=trap.reason, traceback=self._traceback()
            )
        except GuestExit as ending:
            report = Report(
                status=ending.status,
                failure=Failure.STATUS if ending.status else Failure.NONE,
                error=f"the process ended with status {ending.status}",
            )
        except EndCall as ending:
            report = Report(failure=ending.failure, error=ending.error)
        finally:
            self._interruption.close()
        return GuestResult(
            status=report.status,
            failure=report.failure,
            error=report.error if report.failure else "",
            traceback=report.traceback if report.failure else "",
            stdout=self._streams.stdout.content(),
            stderr=self._streams.stderr.content(),
            memory_bytes=self._process.space.memory_size(self._process.guest().memory),
        )

    def interrupt(self, reason: str) -> None:
        """Let the guest's Python code raise DeadlineExceeded; `reason` is the caller's to report. From any thread."""
        del reason
        self._interruption.raise_in_guest()

    def close(self) -> None:
        """Give the memory back."""
        self._interruption.close()
        self._process.close()

    def _traceback(self) -> str:
        self._streams.stderr, before = Capture(1 << 16), self._streams.stderr
        self._process.dump_traceback()
        text = self._streams.stderr.content().decode("utf-8", "replace")
        self._streams.stderr = before
        return text

    def _map(self, address: int, size: int, path: Path) -> None:
        """Map a file over a part of the guest's memory, shared by all who map it; FunctionError if it does not fit."""
        process = self._process
        memory = process.guest().memory
        is_inside = 0 < size <= process.space.memory_size(memory) - address
        if not is_inside or address % PAGE or size % PAGE:
            raise FunctionError(f"{size} bytes at {address:#x} are no whole pages in the guest's memory")
        try:
            with path.open("r+b") as file:
                map_file(file.fileno(), process.space.base(memory) + address, size, shared=True)
        except OSError as error:
            raise Unavailable(f"the value cannot be mapped: {error.strerror}") from None
