"""Do what the C runner is asked for: each function is an entry point of python.wasm, and gives 0.

The host says what to do through `call_information`, and is told through `report` how it went.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import stat
import sys
import traceback
from types import FunctionType, ModuleType
from typing import Any

from pywasm_host import renewal
from pywasm_host.abi import HOST_FUNCTIONS, Kind
from pywasm_host.backend import host
from pywasm_host.entry import Ending, call_entry, ending_of_exception
from pywasm_host.errors import HostError
from pywasm_host.information import call_information, forget_call

CODE = "/function"
_MOST_DESCRIPTORS = 4096
_NOT_TRIED = ("report", "take", "error", "call_information")

assert traceback  # formatting one must not be the first to import it


def preload() -> int:
    """Import what a base image is to have, and make the host calls quick."""
    renewal.watch()
    for name in call_information()["preload"]:
        importlib.import_module(name)
    _try_host_calls()
    renewal.find()
    forget_call()
    return 0


def load() -> int:
    """Import the function's module and report how that went."""
    forget_call()
    information = call_information()
    ending = _import_module(information)
    report: dict[str, Any] = {"error": ending.error, "traceback": ending.traceback, "entries": [], "no_image": ""}
    if not ending.failure:
        module = sys.modules[information["module"]]
        report |= {"entries": _entries(module), "no_image": _open_files()}
        renewal.find()
    forget_call()
    host().report(json.dumps(report).encode())
    return 0


def suspend() -> int:
    """Be ready for the image: nothing unwritten, and no garbage; what lives is not looked at again for garbage."""
    _flush()
    gc.collect()
    gc.freeze()
    return 0


def renew() -> int:
    """Go on after a restore."""
    renewal.renew()
    return 0


def call() -> int:
    """Call the entry and report how that ended."""
    forget_call()
    information = call_information()
    ending = _call(information)
    _flush()
    host().report(json.dumps(ending.plain()).encode())
    return 0


def _call(information: dict[str, Any]) -> Ending:
    module = sys.modules.get(information["module"])
    if module is None:
        ending = _import_module(information)
        if ending.failure:
            return ending
        module = sys.modules[information["module"]]
    entry = getattr(module, information["entry"], None)
    if not callable(entry):
        return Ending(1, "exception", f"AttributeError: the function's module has no entry {information['entry']!r}")
    return call_entry(entry, host().read_input)


def _import_module(information: dict[str, Any]) -> Ending:
    os.environ.update(information.get("environment", {}))
    if CODE not in sys.path:
        sys.path.insert(0, CODE)
    importlib.invalidate_caches()
    try:
        __import__(information["module"])
        return _ending_of_import(information["module"])
    except SystemExit as error:
        return Ending(1, "exception", f"the module ends the process when it is imported (status {error.code})")
    except BaseException as error:
        return ending_of_exception(error)


def _ending_of_import(name: str) -> Ending:
    """Refuse a module that is not the author's: another one of that name was imported before."""
    file = str(getattr(sys.modules[name].__spec__, "origin", None))
    if file.startswith(f"{CODE}/"):
        return Ending()
    error = f"ImportError: {name} is a module of Python or of a package ({file}): name the function's file main.py"
    return Ending(1, "exception", error)


def _entries(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, FunctionType) or _is_own(value, module)]


def _is_own(value: Any, module: ModuleType) -> bool:
    """Tell whether a callable that is no plain function was made in the module, as a decorated one."""
    return callable(value) and not isinstance(value, type) and getattr(value, "__module__", None) == module.__name__


def _open_files() -> str:
    """Say which files the module keeps open: their descriptors would mean nothing in a restored process."""
    numbers = [number for number in range(3, _MOST_DESCRIPTORS) if _is_file(number)]
    if not numbers:
        return ""
    opened = [one for one in gc.get_objects() if isinstance(one, io.FileIO) and not one.closed]
    names = {one.fileno(): one.name for one in opened if isinstance(one.name, str)}
    named_first = sorted(numbers, key=lambda number: number not in names)
    shown = ", ".join(names.get(number, f"descriptor {number}") for number in named_first[:5])
    return f"the module keeps files open when it is imported ({shown})"


def _is_file(number: int) -> bool:
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _try_host_calls() -> None:
    """Call each kind of host function once: what ctypes makes for it is then in the image."""
    for function in HOST_FUNCTIONS:
        if function.name not in _NOT_TRIED:
            values = {Kind.U32: 0, Kind.TEXT: "", Kind.DATA: b""}
            with contextlib.suppress(HostError):  # while an image is made the host says no to all of them
                getattr(host(), function.name)(*[values[parameter.kind] for parameter in function.parameters])


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the author may have put anything in their place
            stream.flush()
