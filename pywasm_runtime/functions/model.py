"""Say what a function, a call and an outcome are: the values that storage, workers and servers pass around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_ENTRY = "faasm_main"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limit what one call may take.

    `wall_seconds` runs on while the call waits in a host call, `cpu_seconds` does not. `state_bytes` is what all keys
    of the function's user may hold together, `children` how many calls one call may chain, `chain_depth` how deep,
    `instances` how many sandboxes of the function may exist at once: running, waiting or kept ready.
    """

    memory_bytes: int = 512 << 20
    wall_seconds: float = 60.0
    cpu_seconds: float = 30.0
    output_bytes: int = 16 << 20
    log_bytes: int = 1 << 20
    state_bytes: int = 256 << 20
    tmp_bytes: int = 64 << 20
    tmp_files: int = 4096
    chain_depth: int = 16
    children: int = 1000
    instances: int = 64


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """Hold what an upload sets beside the code: `config` is what `pywasm_host.config` reads."""

    entry: str = DEFAULT_ENTRY
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FunctionVersion:
    """Hold one version of a function.

    digest: sha256 of its archive, in hex; the code lies unpacked under this name.
    created: seconds since the epoch.
    no_image: why each call imports the module anew; empty if an image of the imported module exists.
    """

    user: str
    name: str
    version: int
    digest: str
    settings: FunctionSettings
    created: float
    no_image: str = ""


class CallState(StrEnum):
    """Say how far a call is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Failure(StrEnum):
    """Say why a call failed."""

    NONE = ""
    STATUS = "status"  # the entry returned a number other than 0, or ended by sys.exit
    EXCEPTION = "exception"  # an exception left the entry
    TRAP = "trap"  # the guest did what WebAssembly forbids, or its stack ran out
    WALL_TIME = "wall time"
    CPU_TIME = "CPU time"
    OUTPUT = "output"  # more output than the limit
    WORKER = "worker"  # the worker died with the call, as often as it was tried
    REFUSED = "refused"  # it could not be started: no such function any more, or chained too deep
    INTERNAL = "internal"  # a defect of ours


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Hold how a call ended.

    status: what the entry returned, 0 for None; not 0 if and only if `failure` is set.
    error: one line for people, empty on success; traceback: the guest's Python traceback, if there is one.
    stdout, stderr: what the call printed, cut at the limit (then it ends in a line that says so).
    seconds, cpu_seconds: from the start in the sandbox to the end; memory_bytes: the largest size of its memory.
    """

    status: int = 0
    failure: Failure = Failure.NONE
    error: str = ""
    traceback: str = ""
    output: bytes = b""
    stdout: bytes = b""
    stderr: bytes = b""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """Ask for a call: `entry` None means the function's default, `version` None its current one.

    call_id: given for a chained call only, `<parent>.<ordinal>`; a call with a known id is not accepted twice.
    """

    user: str
    function: str
    input: bytes = b""
    entry: str | None = None
    version: int | None = None
    call_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """Hold an accepted call. Times are seconds since the epoch; `outcome` is there once it has ended.

    attempt: how often it was begun; a call whose worker died is begun again.
    """

    id: str
    user: str
    function: str
    version: int
    entry: str
    input: bytes
    state: CallState
    created: float
    started: float | None = None
    ended: float | None = None
    attempt: int = 0
    outcome: Outcome | None = None

    @property
    def parent(self) -> str | None:
        """Give the id of the call that chained this one."""
        return self.id.rpartition(".")[0] or None

    @property
    def depth(self) -> int:
        """Count the calls above this one."""
        return self.id.count(".")


@dataclass(frozen=True, kw_only=True)
class ImageReport:
    """Say what importing a function's module in a sandbox gave.

    error, traceback: why it cannot be imported at all; then the upload is refused.
    entries: the names of its top-level functions. no_image: why no image could be made, though it can be imported.
    """

    error: str = ""
    traceback: str = ""
    entries: tuple[str, ...] = ()
    no_image: str = ""
    image_bytes: int = 0
