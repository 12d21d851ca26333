"""Set what the system does with a process of ours."""

import ctypes
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have this process killed when its parent's thread ends that made it; elsewhere than on Linux nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def forbid_core_dumps() -> None:
    """Write no core file, whatever happens: it would hold what functions keep secret."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def thread_count() -> int:
    """Count this process's threads; 1 where the system does not tell."""
    with suppress(OSError):
        return len(list(Path("/proc/self/task").iterdir()))
    return 1
