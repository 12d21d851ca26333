"""Tell whether a file is still what was written: compiled modules and images are used only then.

A seal beside the file has its sha256, and the file's identity (inode, size, change time), which no write leaves as
it was. While the identity holds the hash is not computed again (20 ms for python.wasm); otherwise it is. Both files
must belong to this user, and nobody else may be allowed to write them.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path


def is_own(status: os.stat_result) -> bool:
    """Tell whether a file belongs to this user and only this user may write it."""
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def seal_path(path: Path) -> Path:
    """Give the file that has the seal."""
    return path.with_suffix(".json")


def is_sealed(path: Path) -> bool:
    """Tell whether a file has a seal that holds; the seal is renewed if only the identity has changed."""
    try:
        status = os.lstat(path)
        seal = json.loads(seal_path(path).read_bytes())
        if not stat.S_ISREG(status.st_mode) or not is_own(status) or not is_own(os.lstat(seal_path(path))):
            return False
        if seal["identity"] == list(identity(status)):
            return True
        if _hash(path) != seal["sha256"]:
            return False
        write_seal(path, seal["sha256"])
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_seal(path: Path, digest: str) -> None:
    """Seal a file whose content has the sha256 `digest`."""
    seal = {"sha256": digest, "identity": identity(os.lstat(path))}
    replace_file(seal_path(path), json.dumps(seal).encode())


def note_use(path: Path) -> None:
    """Note that a sealed file is used now, by the mtime of its seal: `cache_limit` removes by it."""
    with suppress(OSError):  # on a read-only file system, where nothing will be removed either
        os.utime(seal_path(path))


def replace_file(path: Path, content: bytes | bytearray) -> None:
    """Write a file so that others see the old content or the new one, whatever happens."""
    temporary = temporary_name(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """Give a name beside `path` that nobody else takes."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(status: os.stat_result) -> tuple[int, ...]:
    """Tell one file, as it is now, from all others, and from itself before or after a write."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
