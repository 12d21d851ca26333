"""Give each call a sandbox of its own: a process restored from the image of its function, used once.

Two kinds of image: the base image has the interpreter ready and the configured packages imported; a function's image
has its module imported too. Where a module cannot be in an image, each call imports it in a copy of the base image.
Everything here belongs to one thread, of a worker process, but for `Sandbox.interrupt`.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pywasm_host.abi import ABI_VERSION, HOST_FUNCTIONS, SYMBOL_PREFIX
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.engine import new_engine
from pywasm_runtime.errors import EmbedderError, GuestExit, GuestTrap, ImageError
from pywasm_runtime.functions.archive import main_module
from pywasm_runtime.functions.capture import Capture
from pywasm_runtime.functions.end_call import EndCall
from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.host_binding import HostBinding
from pywasm_runtime.functions.interruption import Interruption
from pywasm_runtime.functions.model import Failure, FunctionVersion, ImageReport, Limits
from pywasm_runtime.functions.reports import Report, read_report
from pywasm_runtime.image import ImageFile, ImageStore
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.mounts import Mount, MountTable
from pywasm_runtime.native_code import load_native
from pywasm_runtime.process import GuestProcess, ProcessSettings, StoreLimits
from pywasm_runtime.process_state import FORMAT
from pywasm_runtime.restore import Image, map_file, take_image
from pywasm_runtime.restore_plan import NativeRestore
from pywasm_runtime.runtime_root import STAMP, RuntimeRoot
from pywasm_runtime.wasi import NOTHING, Streams

CODE = "/function"
"""Where the guest sees the function's code, read-only."""

MAX_TABLE_SLOTS = 1_200_000
_OPEN_IMAGES = 128
_ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """Hold what all sandboxes of a worker share.

    images, modules: folders of images and of compiled modules; preload: names that the base image has imported.
    """

    root: RuntimeRoot
    images: Path
    modules: Path
    preload: tuple[str, ...] = ()


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


class _Target:
    """Answer the guest: what the runner reports stays here, the rest goes to `host`."""

    def __init__(self, host: object) -> None:
        self._host = host
        self.report_of_step: Report | None = None

    def report(self, content: bytes) -> None:
        """Keep what the runner says of a step."""
        self.report_of_step = read_report(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)


class _LoadingHost:
    """Answer a guest that is prepared for an image: it may ask what to import, and log."""

    def __init__(self, information: Mapping[str, object]) -> None:
        self._information = json.dumps(information).encode()

    def call_information(self) -> bytes:
        """Say what to import."""
        return self._information

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def refuse(*arguments: Any) -> Any:
            raise FunctionError(f"{name} cannot be used while the module is imported: the image serves many calls")

        return refuse


class Sandbox:
    """Hold a process that is ready for one call."""

    def __init__(self, process: GuestProcess, streams: "_Captures") -> None:
        self._process = process
        self._streams = streams
        self._interruption = Interruption(process)

    def run(self, host: object, entry: str) -> GuestResult:
        """Make the call; `host` has the methods of the ABI. What the guest does wrong is in the result."""
        del entry  # the runner asks for it, with all else that the call information says
        target = _Target(host)
        if hasattr(host, "mapper"):
            host.mapper = self._map
        try:
            _enter(self._process, "pywasm_call", target)
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
        if address % 65536 or size % 65536 or address + size > process.space.memory_size(memory):
            raise FunctionError(f"{size} bytes at {address:#x} are no whole pages in the guest's memory")
        with path.open("r+b") as file:
            map_file(file.fileno(), process.space.base(memory) + address, size, shared=True)


class _Captures:
    """Hold where the two streams go."""

    def __init__(self, limit: int) -> None:
        self.stdout = Capture(limit)
        self.stderr = Capture(limit)

    def streams(self) -> Streams:
        """Give the process's streams: nothing to read."""
        return Streams(
            stdin=NOTHING,
            stdout=lambda piece: self.stdout(piece),
            stderr=lambda piece: self.stderr(piece),
        )


class Sandboxes:
    """Make images and sandboxes."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        compiled = ModuleCache(new_engine(), settings.modules)
        looked_up = {function.symbol: function.wasm_parameters for function in HOST_FUNCTIONS}
        self._embedding = Embedding(settings.root.program, compiled, looked_up)
        library = load_native(settings.modules)
        self._native = NativeRestore(library) if library is not None else None
        self._store = ImageStore(settings.images)
        self._images: OrderedDict[str, Image] = OrderedDict()
        self._tmp = self._empty_folder()

    def use_tmp(self, folder: Path) -> None:
        """Show the guests a folder as /tmp; whoever calls `prepare` keeps it empty between two calls."""
        self._tmp = folder

    def warm_up(self) -> None:
        """Load the base image, which is made if there is none."""
        self._base()

    def make_image(
        self,
        function: FunctionVersion,
        code: Path,
        started: Callable[[Callable[[str], None]], None] = lambda interrupt: None,
    ) -> ImageReport:
        """Import a function's module in a sandbox and keep the image; what is wrong with it is in the report.

        `started` gets, before the import begins, what interrupts it: to be called from another thread.
        """
        limits = function.settings.limits
        captures = _Captures(limits.log_bytes)
        process = self._process(code, captures, limits)
        try:
            self._base().restore(process)
            _enter(process, "pywasm_resume", _Target(_LoadingHost({})))
            interruption = Interruption(process)
            started(lambda reason: interruption.raise_in_guest())
            try:
                report = self._load(process, function, code, captures)
            finally:
                interruption.close()
            if report.error or report.no_image:
                return report
            key = self._function_key(function)
            file = self._take(process, key)
            self._forget(key)
        finally:
            process.close()
        return self._tried(function, code, report, file)

    def prepare(self, function: FunctionVersion, code: Path) -> Sandbox:
        """Make a sandbox that is ready for one call; the image is made again if it is gone."""
        captures = _Captures(function.settings.limits.log_bytes)
        process = self._process(code, captures, function.settings.limits)
        try:
            self._image_for(function, code).restore(process)
            _enter(process, "pywasm_resume", _Target(_LoadingHost({})))
            return Sandbox(process, captures)
        except BaseException:
            process.close()
            raise

    def _process(self, code: Path, captures: _Captures, limits: Limits | None = None) -> GuestProcess:
        settings, program = self._settings, self._settings.root.program
        return GuestProcess(
            self._embedding,
            ProcessSettings(
                arguments=[program.guest_name],
                environment=_ENVIRONMENT,
                # Always the same folders in the same order: an image knows them by the host's numbers.
                mounts=[
                    Mount(host=settings.root.folder, guest="/"),
                    Mount(host=self._tmp, guest="/tmp", read_only=False),
                    Mount(host=code, guest=CODE),
                ],
                streams=captures.streams(),
            ),
            limits=StoreLimits(
                memory_bytes=-1 if limits is None else limits.memory_bytes, table_slots=MAX_TABLE_SLOTS, memories=1
            ),
        )

    def _empty_folder(self) -> Path:
        folder = self._settings.images / "empty"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @cached_property
    def _base_key(self) -> str:
        root = self._settings.root
        stamp = root.folder / STAMP
        parts = {
            "format": FORMAT,
            "abi": ABI_VERSION,
            "program": root.program.digest,
            "root": hashlib.sha256(stamp.read_bytes()).hexdigest() if stamp.is_file() else "",
            "preload": self._settings.preload,
        }
        return "base-" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def _function_key(self, function: FunctionVersion) -> str:
        parts = {
            "base": self._base_key,
            "user": function.user,
            "name": function.name,
            "code": function.digest,
            "environment": dict(function.settings.environment),
        }
        return "function-" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def _base(self) -> Image:
        key = self._base_key
        return self._opened(key) or self._open(self._make_base(key))

    def _image_for(self, function: FunctionVersion, code: Path) -> Image:
        if function.no_image:
            return self._base()
        key = self._function_key(function)
        image = self._opened(key)
        if image is None:
            report = self.make_image(function, code)
            if report.error:
                raise ImageError(f"the image of {function.user}/{function.name} cannot be made again: {report.error}")
            image = self._opened(key)
        return image or self._base()

    def _opened(self, key: str) -> Image | None:
        image = self._images.get(key)
        if image is None:
            file = self._store.find(key)
            return None if file is None else self._open(file)
        self._images.move_to_end(key)
        return image

    def _open(self, file: ImageFile) -> Image:
        mounts = MountTable([Mount(host=self._settings.root.folder, guest="/")])
        image = self._images[file.key] = Image(file, self._embedding, mounts, self._native)
        while len(self._images) > _OPEN_IMAGES:
            self._images.popitem(last=False)[1].close()
        return image

    def _forget(self, key: str) -> None:
        image = self._images.pop(key, None)
        if image is not None:
            image.close()

    def _make_base(self, key: str) -> ImageFile:
        captures = _Captures(1 << 16)
        process = self._process(self._empty_folder(), captures)
        target = _Target(_LoadingHost({"preload": list(self._settings.preload)}))
        try:
            process.instantiate()
            for step in ("pywasm_initialise", "pywasm_preload"):
                if _enter(process, step, target) != 0:
                    raise ImageError(f"the base image cannot be made: {_last_words(target, captures)}")
            return self._take(process, key)
        except (GuestTrap, GuestExit) as ending:
            raise ImageError(f"the base image cannot be made: {ending}; {_last_words(target, captures)}") from None
        finally:
            process.close()

    def _load(self, process: GuestProcess, function: FunctionVersion, code: Path, captures: _Captures) -> ImageReport:
        information = {
            "module": main_module((path.name for path in code.iterdir()), function.name),
            "environment": dict(function.settings.environment),
        }
        target = _Target(_LoadingHost(information))
        try:
            _enter(process, "pywasm_load", target)
        except GuestTrap as trap:
            return ImageReport(error=f"importing the module: {trap.reason}", traceback=_last_words(target, captures))
        except GuestExit as ending:
            return ImageReport(error=f"the module ends the process with status {ending.status} when it is imported")
        report = target.report_of_step
        if report is None:
            return ImageReport(error="the runner failed", traceback=_last_words(target, captures))
        return ImageReport(
            error=report.error, traceback=report.traceback, entries=report.entries, no_image=report.no_image
        )

    def _take(self, process: GuestProcess, key: str) -> ImageFile:
        if _enter(process, "pywasm_suspend", _Target(_LoadingHost({}))) != 0:
            raise ImageError("the runner cannot prepare the process for its image")
        return take_image(process, self._store, key)

    def _tried(self, function: FunctionVersion, code: Path, report: ImageReport, file: ImageFile) -> ImageReport:
        """Restore the new image once: what cannot be restored must not be found out by a call."""
        try:
            self.prepare(function, code).close()
        except EmbedderError as error:
            self._forget(file.key)
            self._store.remove(file.key)
            return replace(report, no_image=f"its image cannot be restored: {error}")
        return replace(report, image_bytes=file.memory.stat().st_blocks * 512)


def _enter(process: GuestProcess, step: str, target: _Target) -> int:
    """Call an entry point of the runner, with the host's functions bound to `target`."""
    process.functions = _Bodies(HostBinding(_Memory(process), target))
    process.act()
    result = process.enter(step)
    if result is None:
        raise ImageError(f"python.wasm has no entry point {step}: make it again with: bin/inv cpython")
    return result - (1 << 32) if result >= 1 << 31 else result


class _Bodies(dict[str, Callable[..., int]]):
    """Map symbols to bodies that are made when the guest first calls them: most calls use few."""

    def __init__(self, binding: HostBinding) -> None:
        super().__init__()
        self._binding = binding

    def __missing__(self, symbol: str) -> Callable[..., int]:
        body = self[symbol] = self._binding.body(symbol.removeprefix(SYMBOL_PREFIX))
        return body


class _Memory:
    """Read and write the guest's memory for the binding."""

    def __init__(self, process: GuestProcess) -> None:
        self._process = process

    def read(self, address: int, length: int) -> bytes | None:
        """Copy bytes out; None if they do not lie in the memory."""
        return self._process.space.read(self._process.guest().memory, address, length)

    def write(self, address: int, content: bytes) -> bool:
        """Copy bytes in; False if they do not fit."""
        return self._process.space.write(self._process.guest().memory, address, content)


def _last_words(target: _Target, captures: _Captures) -> str:
    report = target.report_of_step
    said = "" if report is None else report.traceback or report.error
    return said or captures.stderr.content().decode("utf-8", "replace").strip()
