"""Run functions on a disk that gets full: `python -m tests.integration.full_disk FOLDER`.

The folder becomes a small disk that only this process and its children see. Exits with 77 where that cannot be made;
says what happened in JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pywasm_runtime.functions.errors import FunctionError
from tests.integration.functions import USER, Functions, running_functions

CANNOT_MOUNT = 77
_SIZE, _TIGHT = 24 << 20, 2 << 20
_CLONE_NEWNS = 0x20000
_MS_REC_PRIVATE = 16384 | 1 << 18

SOURCE = """
import pywasm_host as host
def faasm_main(): host.write_output(host.read_input())
def keeps(size):
    host.write_state("kept", bytes(int(size)))
    host.push_state("kept")
def views(size):
    with host.state_view("view", int(size)) as view: view[:] = bytes([1]) * int(size)
"""


def mounted(folder: Path) -> bool:
    """Put a small disk over a folder, for this process and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None) != 0:
        return False
    return bool(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={_SIZE},mode=700".encode()) == 0)


def attempt(work: Callable[[], object]) -> str:
    """Say how something ended: "" or the error."""
    try:
        work()
    except (FunctionError, AssertionError) as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    return ""


def tried(functions: Functions) -> dict[str, str]:
    """Do all that needs room, and say how each thing ended."""
    return {
        "call": attempt(lambda: functions.output("echo", bytes(100_000))),
        "upload": attempt(
            lambda: functions.upload("other", f"x = {os.urandom(50_000).hex()!r}\ndef faasm_main(): pass\n")
        ),
        "keeps": attempt(lambda: functions.output("echo", b"5000000", entry="keeps")),
        "views": attempt(lambda: functions.output("echo", b"5000000", entry="views")),
        "write": attempt(lambda: functions.wait(functions.service.write_state(USER, "outside", os.urandom(5_000_000)))),
        "list": attempt(lambda: functions.wait(functions.service.functions(USER))),
    }


def fill(folder: Path) -> None:
    """Take all the room that there is."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def main(folder: Path) -> int:
    """Run functions before, while and after the disk is full."""
    if not mounted(folder):
        return CANNOT_MOUNT
    with running_functions(folder / "data") as functions:
        functions.upload("echo", SOURCE)
        found = {"before": attempt(lambda: functions.output("echo", b"x"))}
        fill(folder)
        found.update({f"full {name}": error for name, error in tried(functions).items()})
        with (folder / "filler").open("r+b") as file:  # room for a call, not for what it keeps
            file.truncate((folder / "filler").stat().st_size - _TIGHT)
        found["tight call"] = attempt(lambda: functions.output("echo", b"x"))
        found["tight keeps"] = attempt(lambda: functions.output("echo", b"5000000", entry="keeps"))
        found["tight views"] = attempt(lambda: functions.output("echo", b"5000000", entry="views"))
        (folder / "filler").unlink()
        found.update({f"after {name}": error for name, error in tried(functions).items()})
        now = functions.service.statistics()
        found["left"] = str(now.running + now.waiting + now.queued)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
