"""Call the entry points of the runner in a guest, and answer what it asks meanwhile."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pywasm_host.abi import SYMBOL_PREFIX
from pywasm_runtime.errors import ImageError
from pywasm_runtime.functions.capture import Captures
from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.host_binding import HostBinding
from pywasm_runtime.functions.reports import Report, read_report
from pywasm_runtime.process import GuestProcess


class GuestTarget:
    """Answer the guest: what the runner reports stays here, the rest goes to `host`."""

    def __init__(self, host: object) -> None:
        self._host = host
        self.report_of_step: Report | None = None

    def report(self, content: bytes) -> None:
        """Keep what the runner says of a step."""
        self.report_of_step = read_report(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)


class ImportingHost:
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


def enter_runner(process: GuestProcess, step: str, target: GuestTarget) -> int:
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


def last_words(target: GuestTarget, captures: Captures) -> str:
    """Give what a guest said last of its failure: in its report, else on stderr."""
    report = target.report_of_step
    said = "" if report is None else report.traceback or report.error
    return said or captures.stderr.content().decode("utf-8", "replace").strip()
