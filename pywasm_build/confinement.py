"""Run a command that can write only into given folders and open no network connection, where the kernel can see to it.

A package's build runs the package's own code. Linux has Landlock for that, which needs no root; since 5.19 it
lets a program move files between folders, as builds do. On other machines the command runs as it is.

This file is a program too: `python confinement.py FOLDER ... -- COMMAND ...` confines itself, then becomes the command.
Format of the system calls: linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

# The same numbers on all machines.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
# Removing (1 << 4 and 5), making (6 to 12), moving to another folder (13).
_CHANGE = sum(1 << bit for bit in range(4, 14))
_TCP, _SCOPES = 0b11, 0b11
# What a program may write besides; the last is where semaphores are.
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")
_SHARED_MEMORY = "/dev/shm"
_OLDEST = 2


def confined(command: Sequence[str | Path], *, writable: Iterable[Path]) -> list[str | Path]:
    """Return the command that runs another one, which can then write to these folders alone."""
    return [sys.executable, "-I", Path(__file__).resolve(), *writable, "--", *command]


def version() -> int:
    """Return which Landlock this machine has, 0 for none or one that cannot serve builds."""
    if sys.platform != "linux":
        return 0
    found = _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    return found if found >= _OLDEST else 0


def confine(writable: Iterable[str]) -> bool:
    """Confine this process and all that it starts; tell whether that is done."""
    if not (kind := version()):
        return False
    access = _WRITE_FILE | _CHANGE | (_TRUNCATE if kind >= 3 else 0)
    # Each version added a field: network (4), other processes (6).
    fields = [access, *([_TCP] if kind >= 4 else []), *([_SCOPES] if kind >= 6 else [])]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    rules = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for folder in (*writable, _SHARED_MEMORY):
        _allow(rules, folder, access)
    for device in _DEVICES:
        _allow(rules, device, access & (_WRITE_FILE | _TRUNCATE))
    libc = ctypes.CDLL(None, use_errno=True)
    if rules < 0 or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or _syscall(_RESTRICT_SELF, rules, ctypes.c_uint32(0)):
        return False
    os.close(rules)
    return True


def _allow(rules: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # no such device here
        return
    beneath = struct.pack("=Qi", access, descriptor)
    _syscall(_ADD_RULE, rules, ctypes.c_int(_PATH_BENEATH), beneath, ctypes.c_uint32(0))
    os.close(descriptor)


def _syscall(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *arguments))


def main(arguments: Sequence[str]) -> None:
    """Confine this process, then become the command."""
    end = arguments.index("--")
    confine(arguments[:end])
    command = arguments[end + 1 :]
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    main(sys.argv[1:])
