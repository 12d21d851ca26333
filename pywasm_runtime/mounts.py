"""Show folders of the machine to a guest, and find the guest's files in them.

The guest itself reaches files through WASI only. This module serves the host's own reads on the guest's
behalf (side modules): they obey the same mounts, and nothing outside a mount is opened, whatever links the
guest makes.
"""

import os
import posixpath
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.errors import MountError

_READ_ONLY_SUFFIX = ":ro"


@dataclass(frozen=True, kw_only=True)
class Mount:
    """Hold a folder `host` of this machine and the absolute path `guest` under which the guest sees it."""

    host: Path
    guest: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class GuestFile:
    """Hold a file read for the guest; `identity` is the same for the same file under any name."""

    path: str
    host: Path
    identity: tuple[int, ...]
    content: bytes


def parse_mount(text: str) -> Mount:
    """Read `HOST[:GUEST][:ro]`; without GUEST the guest sees the folder at its own absolute path."""
    rest = text.removesuffix(_READ_ONLY_SUFFIX)
    host_text, _, guest = rest.partition(":")
    if not host_text:
        raise MountError(f"--dir {text!r}: no folder given; write HOST[:GUEST][:ro]")
    if ":" in guest:
        raise MountError(f"--dir {text!r}: too many colons; write HOST[:GUEST][:ro]")
    host = Path(host_text)
    if not host.exists():
        raise MountError(f"--dir {text!r}: can't open {host_text!r}: [Errno 2] No such file or directory")
    if not host.is_dir():
        raise MountError(f"--dir {text!r}: {host_text!r} is not a folder: [Errno 20] Not a directory")
    guest = guest or os.path.normpath(Path.cwd() / host_text)
    if not guest.startswith("/"):
        raise MountError(f"--dir {text!r}: the guest's path {guest!r} must begin with '/'")
    if posixpath.normpath(guest).strip("/") == "":
        raise MountError(f"--dir {text!r}: the guest's '/' is the runtime root; show the folder as another one")
    return Mount(host=host, guest=posixpath.normpath(guest), read_only=rest != text)


class MountTable:
    """Find out which mount a guest's path lies in: the longest guest path wins, as in wasi-libc."""

    def __init__(self, mounts: Sequence[Mount]) -> None:
        guests = [mount.guest for mount in mounts]
        if twice := {guest for guest in guests if guests.count(guest) > 1}:
            raise MountError(f"two folders for the guest's {sorted(twice)[0]!r}")
        self.mounts = tuple(mounts)
        self._longest_first = sorted(mounts, key=lambda mount: len(mount.guest), reverse=True)

    def read(self, path: str, maximum: int) -> GuestFile:
        """Read the regular file that the guest calls `path` (absolute), at most `maximum` bytes.

        Raises OSError with the guest's path: missing, a link that leaves the mount, not a regular file, too
        large.
        """
        path = posixpath.normpath(path)
        for mount in self._longest_first:
            if is_within(path, mount.guest):
                return _read_within(mount, path, maximum)
        raise FileNotFoundError(2, "No such file or directory", path)


def is_within(path: str, folder: str) -> bool:
    """Tell whether an absolute, normal path is `folder` or lies below it; links are not looked at."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _read_within(mount: Mount, path: str, maximum: int) -> GuestFile:
    root = os.path.realpath(mount.host)
    inner = posixpath.relpath(path, mount.guest)
    resolved = os.path.realpath(Path(root, inner))
    if not is_within(resolved, root):
        raise PermissionError(1, "a link that leads out of the guest's folders", path)
    try:
        descriptor = _open_without_links(root, os.path.relpath(resolved, root))
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(1, "not a regular file", path)
        if status.st_size > maximum:
            raise PermissionError(1, f"{status.st_size} bytes, more than {maximum}", path)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(maximum)
    finally:
        os.close(descriptor)
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return GuestFile(path=path, host=Path(resolved), identity=identity, content=content)


def _open_without_links(root: str, inner: str) -> int:
    """Open a resolved path step by step: a link put there in the meantime is refused, not followed."""
    *folders, name = inner.split("/")
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
    finally:
        os.close(descriptor)
