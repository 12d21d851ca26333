"""Import the compiled modules of a wheel in the guest, or load its libraries: what links need not start.

A module may want threads, sockets or processes the moment it is imported, or call a function through a pointer of
another type, which traps. Both show only here.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_binary import MalformedModule, WasmModule
from pywasm_build.context import Context
from pywasm_build.errors import CommandFailed
from pywasm_build.suite_run import GUEST_PLUGINS, PLUGINS, how_it_ended
from pywasm_build.telling_line import shown
from pywasm_build.wheel_archive import is_library, open_wheel

SCRIPT = PLUGINS / "pywasm_imports.py"
_RESULTS = "results.jsonl"
# The first import may compile the wasm files for this machine.
_SECONDS, _SECONDS_EACH = 120, 10
_NOT_FOUND = re.compile(r"ModuleNotFoundError: No module named '(\w+)'$")
_IMPORTABLE = ("purelib", "platlib")


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What became of importing a module; `line` says why it failed."""

    module: str
    ok: bool
    line: str = ""


def compiled_modules(wheel: Path) -> list[str]:
    """Return the dotted names of the extension modules in a wheel, sorted.

    Of a wheel that has none, the places of its shared libraries in site-packages, such as "pack/lib/libpack.so": these
    are for ctypes. Raises ArchiveError for a wheel that is damaged or unsafe, WheelError for what is none.
    """
    modules: set[str] = set()
    libraries: set[str] = set()
    with open_wheel(wheel) as source:
        for name in filter(is_library, source.names):
            place, content = _place(name), source.read(name)
            if (dotted := _dotted_name(place)) and _initialises(content):
                modules.add(dotted)
            elif place and _is_side_module(content):
                libraries.add(place)
    return sorted(modules or libraries)


def _place(entry: str) -> str:
    """Return where an entry of a wheel comes to lie in site-packages; "" if that is elsewhere."""
    first, _, rest = entry.partition("/")
    if not first.endswith(".data"):
        return entry
    kind, _, place = rest.partition("/")
    return place if kind in _IMPORTABLE else ""


def _dotted_name(place: str) -> str:
    """Return the name of the module in a file of site-packages; "" for one from which nothing is imported."""
    *folders, file = place.split("/")
    # A suffix begins at the first dot: a module's own name has none.
    stem = file.partition(".")[0]
    parts = folders if stem == "__init__" else [*folders, stem]
    return "" if any("." in part or not part for part in parts) else ".".join(parts)


def _initialises(content: bytes) -> bool:
    try:
        return any(name.startswith(("PyInit_", "PyInitU_")) for name in WasmModule(content).exports)
    except MalformedModule:
        return False


def _is_side_module(content: bytes) -> bool:
    try:
        return WasmModule(content).dylink is not None
    except MalformedModule:
        return False


def check_imports(
    context: Context, root: Path, modules: Sequence[str], *, log: Path | None = None
) -> list[ImportResult]:
    """Import modules in the guest over the runtime root `root`; return a result for each, in order.

    One process imports them all. One that traps, hangs or leaves costs only itself: the rest goes on in another.

    log: file for what the guest prints; imports.log among the logs of this checkout by default.

    Raises CommandFailed if the guest does not start.
    """
    log = log or context.workspace.log("imports")
    log.unlink(missing_ok=True)
    results = _import_all(context, root, modules, log)
    brought = {name: word for name, one in results.items() if not one.ok and (word := _as_brought(name, one.line))}
    again = _import_all(context, root, list(brought.values()), log)
    results |= {name: ImportResult(module=name, ok=True) for name, word in brought.items() if again[word].ok}
    return [results[module] for module in modules]


def _import_all(context: Context, root: Path, modules: Sequence[str], log: Path) -> dict[str, ImportResult]:
    results: dict[str, ImportResult] = {}
    while left := [module for module in dict.fromkeys(modules) if module not in results]:
        results |= _import_in_one_process(context, root, left, log)
    return results


def _as_brought(module: str, line: str) -> str:
    """Return how the guest's script is asked to look for what a module lacked; "" where that makes no sense.

    A package may bring a project whole, in a folder that is no package and that it puts on sys.path: modules of the
    project import one another as top-level ones. They cannot by their full names, and want another process then.
    """
    lacking = _NOT_FOUND.match(line)
    return f"{lacking[1]}:{module}" if lacking and module.count(".") > 2 else ""


def _import_in_one_process(context: Context, root: Path, modules: Sequence[str], log: Path) -> dict[str, ImportResult]:
    """Return the results up to the first module that ended the process; of one module at least."""
    with tempfile.TemporaryDirectory(prefix="pywasm-imports-") as folder:
        ending, failure = _run_guest(context, root, modules, log, Path(folder))
        begun, lines = _read_results(Path(folder) / _RESULTS)
    results = {name: ImportResult(module=name, ok=not line, line=shown(line)) for name, line in lines.items()}
    if culprit := next((name for name in begun if name not in results), None):
        results[culprit] = ImportResult(module=culprit, ok=False, line=shown(f"its import {ending}"))
    if not results:
        raise failure or CommandFailed("the guest ended without a word", args=(), returncode=0, log=log)
    return results


def _run_guest(
    context: Context, root: Path, modules: Sequence[str], log: Path, folder: Path
) -> tuple[str, CommandFailed | None]:
    """Return how the process ended, and the error if it did so in disorder."""
    mounts = (f"{folder}:/imports", f"{PLUGINS}:{GUEST_PLUGINS}:ro")
    timeout = _SECONDS + _SECONDS_EACH * len(modules)
    try:
        context.runner.run(
            [
                context.workspace.root / "bin" / "python-wasm",
                *(word for mount in mounts for word in ("--dir", mount)),
                *("-I", f"{GUEST_PLUGINS}/{SCRIPT.name}", f"/imports/{_RESULTS}", *modules),
            ],
            cwd=folder,
            env={"PYWASM_RUNTIME": str(root)},
            log=log,
            timeout=timeout,
        )
    except CommandFailed as error:
        if error.returncode is None:
            return f"did not end in {timeout} s", error
        return how_it_ended(error.tail, error.returncode), error
    return how_it_ended((), 0), None


def _read_results(path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the modules that were begun, and of those that were done what was said ("" is success)."""
    begun: list[str] = []
    done: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            name, *said = json.loads(line)
        except ValueError:  # cut off
            break
        if said:
            done[name] = said[0]
        else:
            begun.append(name)
    return begun, done
