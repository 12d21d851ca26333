"""Time sandboxes alone, in this process: what a worker does for a call, without the way there."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from pywasm_runtime.functions.guest_stack import run_on_guest_thread
from pywasm_runtime.functions.model import FunctionSettings, FunctionVersion
from pywasm_runtime.functions.sandboxes import Sandboxes, SandboxSettings
from pywasm_runtime.precompile import modules_folder
from pywasm_runtime.runtime_root import find_runtime_root

_WARM_UP = 50


class _Host:
    """Answer the calls of the benchmark's functions."""

    def __init__(self, entry: str) -> None:
        self._entry = entry
        self.first_line = 0.0
        self.output = b""

    def call_information(self) -> bytes:
        return json.dumps({"module": "measured", "entry": self._entry, "environment": {}}).encode()

    def log(self, level: int, message: str) -> None:
        self.first_line = time.perf_counter()

    def read_input(self) -> bytes:
        return b""

    def write_output(self, content: bytes) -> None:
        self.output = content


@dataclass(frozen=True)
class SandboxTimes:
    """Hold seconds: from nothing to the first line of the function, from a prepared sandbox to it, of a callback."""

    first_lines: list[float] = field(default_factory=list)
    from_prepared: list[float] = field(default_factory=list)
    callbacks: list[float] = field(default_factory=list)


def sandbox_times(root: Path, source: bytes, calls: int) -> SandboxTimes:
    """Time so many calls, each in a sandbox of its own, and callbacks within one."""
    times = SandboxTimes()
    with tempfile.TemporaryDirectory(prefix="pywasm-bench-") as folder:
        code = Path(folder) / "code"
        code.mkdir()
        (code / "measured.py").write_bytes(source)
        settings = SandboxSettings(
            root=find_runtime_root(root), images=Path(folder) / "images", modules=modules_folder(), preload=("numpy",)
        )

        def measure() -> None:
            sandboxes = Sandboxes(settings)
            function = FunctionVersion(
                user="bench", name="measured", version=1, digest="0" * 64, settings=FunctionSettings(), created=0
            )
            report = sandboxes.make_image(function, code)
            if report.error or report.no_image:
                raise RuntimeError(f"the benchmark's function has no image: {report}")
            for number in range(calls + _WARM_UP):
                host = _Host("faasm_main")
                started = time.perf_counter()
                sandbox = sandboxes.prepare(function, code)
                prepared = time.perf_counter()
                sandbox.run(host, "faasm_main")
                sandbox.close()
                if number >= _WARM_UP:
                    times.first_lines.append(host.first_line - started)
                    times.from_prepared.append(host.first_line - prepared)
            host = _Host("callbacks")
            sandbox = sandboxes.prepare(function, code)
            sandbox.run(host, "callbacks")
            sandbox.close()
            times.callbacks.extend(json.loads(host.output))

        run_on_guest_thread(measure)
    return times
