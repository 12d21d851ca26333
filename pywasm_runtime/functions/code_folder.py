"""Keep the code of functions unpacked: one read-only folder for each archive, named by the digest of its content."""

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pywasm_runtime.functions.archive_zip import MAX_BYTES, MAX_FILES, digest_files, read_zip
from pywasm_runtime.functions.errors import StorageError, UploadRefused
from pywasm_runtime.functions.names import check_digest

_FILE_MODE = 0o444
_FOLDER_MODE = 0o555
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def materialise(archive: bytes, digest: str, folder: Path, *, verify: bool = False) -> Path:
    """Give the folder with the archive's files, `folder/<digest>`; make it if it is not there.

    With `verify` an existing one is read and, where its content is not what the digest says, made anew.
    Raises StorageError if the archive is not what the digest says, or if the folder cannot be written.
    """
    target = folder / check_digest(digest)
    try:
        if target.is_dir() and (not verify or _holds(target, digest)):
            return target
        files = _read_verified(archive, digest)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(files, target, digest)
    except OSError as error:
        raise StorageError(f"the code of a function cannot be unpacked into {target}: {error}") from None
    return target


def remove_others(folder: Path, kept: Iterable[str], *, older_than_seconds: float) -> int:
    """Remove the code that no function needs any more, and count what went; `kept` are digests.

    What is younger may belong to an upload that is just being checked.
    """
    needed, latest, count = set(kept), time.time() - older_than_seconds, 0
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        with suppress(OSError):  # another process was first
            if path.name not in needed and path.lstat().st_mtime < latest:
                _remove(path)
                count += 1
    return count


def _read_verified(archive: bytes, digest: str) -> dict[str, bytes]:
    try:
        files = read_zip(archive)
    except UploadRefused as error:
        raise StorageError(f"the kept archive {digest} is damaged ({error}); upload the function again") from None
    if digest_files(files) != digest:
        raise StorageError(f"the kept archive {digest} is damaged: its content is another; upload the function again")
    return files


def _make(files: Mapping[str, bytes], target: Path, digest: str) -> None:
    temporary = target.with_name(f".{digest}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        _write(files, temporary)
        _move_in(temporary, target, digest)
    finally:
        _remove(temporary)


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(_FILE_MODE)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(_FOLDER_MODE)


def _move_in(temporary: Path, target: Path, digest: str) -> None:
    """Put the new folder in its place; a damaged one there is moved away first, a good one was made by another."""
    for _ in range(3):
        try:
            temporary.rename(target)
        except OSError as error:
            if error.errno not in (*_TAKEN, errno.ENOTDIR):
                raise
            if _holds(target, digest):
                return
            away = target.with_name(f".{digest}.damaged.{os.urandom(4).hex()}")
            with suppress(FileNotFoundError):  # another process was first
                target.rename(away)
            _remove(away)
        else:
            target.chmod(_FOLDER_MODE)  # not before: a folder that is read-only cannot be renamed everywhere
            return
    raise OSError(errno.EBUSY, "other processes keep changing it")


def _holds(folder: Path, digest: str) -> bool:
    files: dict[str, bytes] = {}
    rest = MAX_BYTES
    try:
        for path in folder.rglob("*"):
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode) or path.lstat().st_size > rest or len(files) >= MAX_FILES:
                return False
            files[path.relative_to(folder).as_posix()] = content = path.read_bytes()
            rest -= len(content)
        return folder.is_dir() and not folder.is_symlink() and digest_files(files) == digest
    except (OSError, UnicodeEncodeError):
        return False


def _remove(path: Path) -> None:
    if not path.is_symlink() and path.is_dir():
        for folder in (path, *path.rglob("*")):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o700)  # what is in a read-only folder cannot be removed
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
