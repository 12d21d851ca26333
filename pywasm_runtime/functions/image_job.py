"""Have a worker make a function's image."""

import asyncio
from collections.abc import Callable

from pywasm_runtime.functions.frames import Frame
from pywasm_runtime.functions.model import FunctionVersion, ImageReport
from pywasm_runtime.functions.wire import report_from_frame
from pywasm_runtime.functions.worker_process import WorkerProcess


class ImageJob:
    """Hold one order; `worker` is used by nothing else meanwhile."""

    def __init__(self, function: FunctionVersion, worker: WorkerProcess) -> None:
        self._function = function
        self._worker = worker
        self._words = ""
        self._report: asyncio.Future[ImageReport] = asyncio.get_running_loop().create_future()

    @property
    def call_id(self) -> str:
        """Name it."""
        return f"image of {self._function.user}/{self._function.name}"

    async def result(self, kill: Callable[[WorkerProcess], None], *, seconds: float) -> ImageReport:
        """Have it made within `seconds`; what goes wrong is in the report."""
        worker = self._worker
        worker.job = self
        if not worker.is_connected:
            return ImageReport(error="the worker process ended before the module was imported; try again")
        worker.send(Frame(kind="image", fields={"function": worker.introduce(self._function)}))
        try:
            return await asyncio.wait_for(asyncio.shield(self._report), seconds)
        except TimeoutError:
            self._words = f"importing the module took more time than its limit of {seconds:g} s"
            kill(worker)
            return await self._report

    def take(self, frame: Frame) -> None:
        """Hear the worker."""
        if frame.kind == "image" and not self._report.done():
            self._report.set_result(report_from_frame(frame))

    def lose(self, words: str) -> None:
        """Hear that it died."""
        if not self._report.done():
            self._report.set_result(ImageReport(error=self._words or f"{words} while the module was imported"))
