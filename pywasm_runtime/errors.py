"""Name what can go wrong around a guest.

EmbedderError
├── UsageError          a wrong option, script or setting: exit status 2
├── MountError          a folder that cannot be shown to the guest: exit status 2
├── RuntimeRootError    the runtime root is missing or broken
├── ModuleError         a file that is not a module this machine can run
├── ImageError          a file that is no image of a process, or an image that does not fit
├── LinkError           a side module that cannot be linked; the guest sees the text through dlerror
└── GuestTrap           the guest's code stopped in a way that it cannot handle

A guest that ends by itself is no error: `GuestExit` carries its status through the host functions.
"""


class EmbedderError(Exception):
    """Be the base of every error of this package; `exit_status` is what a command ends with."""

    exit_status = 1


class UsageError(EmbedderError):
    """Say which option or file was wrong."""

    exit_status = 2


class MountError(EmbedderError):
    """Say which folder cannot be shown to the guest, and why."""

    exit_status = 2


class RuntimeRootError(EmbedderError):
    """Say what the runtime root lacks."""


class ModuleError(EmbedderError):
    """Say which module cannot be compiled or instantiated, and why."""

    exit_status = 126  # what a shell gives for a file that it cannot execute


class ImageError(EmbedderError):
    """Say what is wrong with an image of a process."""


class LinkError(EmbedderError):
    """Say which side module cannot be linked, and why."""


class GuestTrap(EmbedderError):
    """Hold the reason of a trap in one line; `exit_status` is a shell's number for SIGABRT."""

    exit_status = 134

    def __init__(self, reason: str, *, uncaught_exception: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.uncaught_exception = uncaught_exception


class GuestExit(Exception):
    """Carry the status of a guest that called proc_exit."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status
