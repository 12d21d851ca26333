"""How long it takes from a clean clone to numpy's result, with an empty cache, and how much memory at most."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.report import Row, Section, seconds
from pywasm_build.errors import CommandFailed

_SAMPLE_SECONDS = 0.5


def run(root: Path) -> Section:
    """Clone the committed state to a temporary folder and run `bin/inv quickstart` there."""
    with tempfile.TemporaryDirectory(prefix="pywasm-bench-", dir=os.environ.get("TMPDIR")) as temporary:
        clone, cache = Path(temporary) / "clone", Path(temporary) / "cache"
        seconds(["git", "clone", "--quiet", "--no-hardlinks", root, clone])
        took, peak = _timed(clone, cache)
    rows = [
        Row(what="clean clone to numpy's result", values=[took / 60], unit="min", limit="15 min"),
        Row(what="memory of all processes, peak", values=[peak / 2**30], unit="GiB", limit="2 GiB"),
    ]
    return Section(title="Build", command="bin/inv bench --only build", rows=rows)


def _timed(clone: Path, cache: Path) -> tuple[float, int]:
    """Run quickstart; return seconds and the greatest sum of resident memory, in bytes."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYWASM_SOURCES", "PYWASM_BUILD_PYTHON")}
    started = time.monotonic()
    command = [str(clone / "bin" / "inv"), "quickstart"]
    child = subprocess.Popen(command, env={**environment, "PYWASM_CACHE": str(cache)}, stdin=subprocess.DEVNULL)
    peak = _watch(child.pid, child.poll)
    if status := child.returncode:
        raise CommandFailed(f"bin/inv quickstart ended with status {status}", args=command, returncode=status)
    return time.monotonic() - started, peak


def _watch(pid: int, poll: Callable[[], int | None]) -> int:
    peak, pause = 0, threading.Event()
    while poll() is None:
        peak = max(peak, _memory_of_tree(pid))
        pause.wait(_SAMPLE_SECONDS)
    return peak


def _memory_of_tree(pid: int) -> int:
    """Sum the proportional set sizes of a process and its descendants, in bytes; 0 where /proc cannot tell."""
    total = 0
    pending = [pid]
    while pending:
        process = Path("/proc") / str(pending.pop())
        try:
            for line in (process / "smaps_rollup").read_text("utf-8").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
            for children in process.glob("task/*/children"):
                pending += map(int, children.read_text("utf-8").split())
        except OSError:
            continue
    return total
