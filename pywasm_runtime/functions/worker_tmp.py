"""Give a worker its own /tmp folder, with a quota that the system enforces where it can.

On Linux the worker gets a mount namespace of its own and in it a tmpfs of limited size: nobody else sees its files,
and they go with the process. Where that is not allowed the folder is a plain one, and `excess` has to be asked often.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_REC, _MS_PRIVATE = 2, 4, 8, 32, 16384, 1 << 18
_SPARE_FILES = 1
"""The root of a tmpfs counts as a file, too."""


class WorkerTmp:
    """Hold the folder of one worker; made in the worker, before it has threads."""

    def __init__(self, folder: Path, *, may_mount: bool = True) -> None:
        self.folder = folder
        self._quota = (1 << 20, 64)
        self.is_mounted = may_mount and _mount_privately(folder, self._quota)

    def limit(self, size: int, files: int) -> None:
        """Let the folder hold at most `size` bytes in `files` files and folders."""
        if (size, files) != self._quota:
            self._quota = (size, files)
            if self.is_mounted:
                _mount(self.folder, _MS_REMOUNT, self._quota)

    def excess(self) -> str:
        """Say how the quota is exceeded, "" if it is not; a mounted folder cannot exceed it."""
        if self.is_mounted:
            return ""
        most_bytes, most_files = self._quota
        size = 0
        for count, entry in enumerate(_walk(self.folder), 1):
            size += entry.stat(follow_symlinks=False).st_blocks * 512
            if count > most_files:
                return f"/tmp holds more than its limit of {most_files} files"
            if size > most_bytes:
                return f"/tmp holds more than its limit of {most_bytes} bytes"
        return ""

    def empty(self) -> bool:
        """Remove what the folder holds; False if something of it cannot be removed."""
        return empty_folder(self.folder)


def empty_folder(folder: Path) -> bool:
    """Remove what a folder holds, however deep: folders inside are moved up first, so no path grows too long."""
    moved = 0
    try:
        while entries := list(os.scandir(folder)):
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    Path(entry).unlink()
                    continue
                for inner in list(os.scandir(entry.path)):
                    if inner.is_dir(follow_symlinks=False):
                        moved += 1
                        Path(inner).rename(folder / f"\n{os.getpid()} {moved}")
                    else:
                        Path(inner).unlink()
                Path(entry).rmdir()
    except OSError:
        return False
    return True


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give each entry below a folder; what vanishes meanwhile, or lies too deep for a path, is left out."""
    pending = [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue


def _mount_privately(folder: Path, quota: tuple[int, int]) -> bool:
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNS) != 0:
        # Without root a user namespace may give the right to mount; the ids inside are the same as outside.
        if libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER) != 0:
            return False
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        except OSError:
            return False
    if libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    return _mount(folder, 0, quota)


def _mount(folder: Path, flags: int, quota: tuple[int, int]) -> bool:
    size, files = quota
    options = f"size={size},nr_inodes={files + _SPARE_FILES},mode=700".encode()
    flags |= _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options) == 0)


def can_mount(scratch: Path) -> bool:
    """Find out whether a process may have a mounted folder, in a child: half of an attempt cannot be undone."""
    child = os.fork()
    if child == 0:
        try:
            is_mounted = WorkerTmp(scratch).is_mounted
        except OSError:
            is_mounted = False
        os._exit(0 if is_mounted else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
