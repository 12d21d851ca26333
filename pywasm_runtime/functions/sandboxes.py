"""Give each call a sandbox of its own: a process restored from the image of its function, used once.

Two kinds of image: the base image has the interpreter ready and the configured packages imported; a function's image
has its module imported too. Where a module cannot be in an image, each call imports it in a copy of the base image.
Everything here belongs to one thread of a worker process.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pywasm_host.abi import HOST_FUNCTIONS
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.engine import new_engine
from pywasm_runtime.errors import EmbedderError, GuestExit, GuestTrap, ImageError
from pywasm_runtime.functions.archive import main_module
from pywasm_runtime.functions.capture import Captures
from pywasm_runtime.functions.function_images import CODE, ENVIRONMENT, FunctionImages
from pywasm_runtime.functions.guest_steps import GuestTarget, ImportingHost, enter_runner, last_words
from pywasm_runtime.functions.interruption import Interruption
from pywasm_runtime.functions.model import FunctionVersion, ImageReport, Limits
from pywasm_runtime.functions.sandbox import Sandbox
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.mounts import Mount
from pywasm_runtime.process import GuestProcess, ProcessSettings, StoreLimits
from pywasm_runtime.restore import Image
from pywasm_runtime.runtime_root import RuntimeRoot

MAX_TABLE_SLOTS = 1_200_000


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """Hold what all sandboxes of a worker share.

    images, modules: folders of images and of compiled modules; preload: names that the base image has imported.
    """

    root: RuntimeRoot
    images: Path
    modules: Path
    preload: tuple[str, ...] = ()


class Sandboxes:
    """Make images and sandboxes."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._root = settings.root
        self._preload = settings.preload
        self._empty = settings.images / "empty"
        self._empty.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tmp = self._empty
        compiled = ModuleCache(new_engine(), settings.modules)
        looked_up = {function.symbol: function.wasm_parameters for function in HOST_FUNCTIONS}
        self._embedding = Embedding(settings.root.program, compiled, looked_up)
        self._images = FunctionImages(
            self._embedding, settings.root, settings.images, settings.modules, settings.preload
        )

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
        captures = Captures(limits.log_bytes)
        process = self._process(code, captures, limits)
        try:
            self._base().restore(process)
            enter_runner(process, "pywasm_resume", GuestTarget(ImportingHost({})))
            interruption = Interruption(process)
            started(lambda reason: interruption.raise_in_guest())
            try:
                report = self._load(process, function, code, captures)
            finally:
                interruption.close()
            if report.error or report.no_image:
                return report
            size = self._images.take(process, self._images.key(function))
        finally:
            process.close()
        return self._tried(function, code, replace(report, image_bytes=size))

    def prepare(self, function: FunctionVersion, code: Path) -> Sandbox:
        """Make a sandbox that is ready for one call; the image is made again if it is gone."""
        return self._restored(self._image_for(function, code), function, code)

    def _restored(self, image: Image, function: FunctionVersion, code: Path) -> Sandbox:
        captures = Captures(function.settings.limits.log_bytes)
        process = self._process(code, captures, function.settings.limits)
        try:
            image.restore(process)
            enter_runner(process, "pywasm_resume", GuestTarget(ImportingHost({})))
            return Sandbox(process, captures)
        except BaseException:
            process.close()
            raise

    def _process(self, code: Path, captures: Captures, limits: Limits | None = None) -> GuestProcess:
        """Make a process of which nothing exists yet: one to be restored, or without `limits` one that starts anew."""
        return GuestProcess(
            self._embedding,
            ProcessSettings(
                # A restored process has these in its memory.
                arguments=[self._root.program.guest_name] if limits is None else (),
                environment=ENVIRONMENT if limits is None else {},
                # Always the same folders in the same order: an image knows them by the host's numbers.
                mounts=[
                    Mount(host=self._root.folder, guest="/"),
                    Mount(host=self._tmp, guest="/tmp", read_only=False),
                    Mount(host=code, guest=CODE),
                ],
                streams=captures.streams(),
            ),
            limits=StoreLimits(
                memory_bytes=-1 if limits is None else limits.memory_bytes, table_slots=MAX_TABLE_SLOTS, memories=1
            ),
        )

    def _base(self) -> Image:
        key = self._images.base_key
        image = self._images.find(key, self._empty)
        if image is None:
            self._make_base(key)
            image = self._images.find(key, self._empty)
        if image is None:
            raise ImageError("the base image was damaged as soon as it was written: is the disk failing?")
        return image

    def _image_for(self, function: FunctionVersion, code: Path) -> Image:
        if function.no_image:
            return self._base()
        key = self._images.key(function)
        image = self._images.find(key, code)
        if image is None:
            report = self.make_image(function, code)
            if report.error:
                raise ImageError(f"the image of {function.user}/{function.name} cannot be made again: {report.error}")
            image = self._images.find(key, code)
        return image or self._base()

    def _make_base(self, key: str) -> None:
        captures = Captures(1 << 16)
        process = self._process(self._empty, captures)
        target = GuestTarget(ImportingHost({"preload": list(self._preload)}))
        try:
            process.instantiate()
            for step in ("pywasm_initialise", "pywasm_preload"):
                if enter_runner(process, step, target) != 0:
                    raise ImageError(f"the base image cannot be made: {last_words(target, captures)}")
            self._images.take(process, key)
        except (GuestTrap, GuestExit) as ending:
            raise ImageError(f"the base image cannot be made: {ending}; {last_words(target, captures)}") from None
        finally:
            process.close()

    def _load(self, process: GuestProcess, function: FunctionVersion, code: Path, captures: Captures) -> ImageReport:
        information = {
            "module": main_module((path.name for path in code.iterdir()), function.name),
            "environment": dict(function.settings.environment),
        }
        target = GuestTarget(ImportingHost(information))
        try:
            enter_runner(process, "pywasm_load", target)
        except GuestTrap as trap:
            return ImageReport(error=f"importing the module: {trap.reason}", traceback=last_words(target, captures))
        except GuestExit as ending:
            return ImageReport(error=f"the module ends the process with status {ending.status} when it is imported")
        report = target.report_of_step
        if report is None:
            return ImageReport(error="the runner failed", traceback=last_words(target, captures))
        return ImageReport(
            error=report.error, traceback=report.traceback, entries=report.entries, no_image=report.no_image
        )

    def _tried(self, function: FunctionVersion, code: Path, report: ImageReport) -> ImageReport:
        """Restore the new image once: what cannot be restored must not be found out by a call."""
        key = self._images.key(function)
        try:
            image = self._images.find(key, code)
            if image is None:
                raise ImageError("it was damaged as soon as it was written: is the disk failing?")
            self._restored(image, function, code).close()
            return report
        except EmbedderError as error:
            self._images.remove(key)
            return replace(report, no_image=f"its image cannot be restored: {error}", image_bytes=0)
