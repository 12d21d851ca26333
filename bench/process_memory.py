"""Look at what this process and its descendants use: memory that is not shared, open descriptors. Linux only."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def own_memory() -> int:
    """Sum the private memory, in bytes, of this process and all below it; what they share counts once at most."""
    total = 0
    for process in _family():
        with suppress(OSError):  # one may end meanwhile
            lines = (_PROC / str(process) / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return total * 1024


def descriptors() -> int:
    """Count the open descriptors of this process and all below it."""
    total = 0
    for process in _family():
        with suppress(OSError):
            total += len(list((_PROC / str(process) / "fd").iterdir()))
    return total


def _family() -> list[int]:
    children = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The command's name, in parentheses, may have spaces.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children[int(fields[1])].append(int(entry.name))
    family = [os.getpid()]
    for process in family:  # grows while it is walked
        family += children[process]
    return family
