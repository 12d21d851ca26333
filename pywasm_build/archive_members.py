"""Read the members of archives that nobody has vouched for: tar in any compression, zip (and wheels), and .deb.

Names and links are given as they are: what to make of them is up to who unpacks. What the readers of the standard
library would do without bounds is bounded here.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import stat
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pywasm_build.errors import ArchiveError

# ar(5): a global header, then for each member 60 bytes of text and the data, padded to an even length.
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_COMPRESSED: tuple[tuple[bytes, Callable[[IO[bytes]], object]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)
# What is read at once of a member is 1 MiB; tarfile reads long names and the fields of pax headers at once.
_MAX_READ = 16 * 1024**2
# What the readers raise for bytes that make no sense; zipfile's OSError for a place before the file has an errno.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member of an archive.

    target: the target of a link.
    size, open: of a file, the bytes that it says it has, and its content.
    """

    name: str
    kind: str  # file, folder, symlink, hardlink
    mode: int = 0o755
    mtime: float = 0
    target: str = ""
    size: int = 0
    open: Callable[[], IO[bytes]] = io.BytesIO


@contextmanager
def damage_told(archive: Path) -> Iterator[None]:
    """Turn what the readers raise for a damaged archive into ArchiveError."""
    try:
        yield
    except _DAMAGED as error:
        raise ArchiveError(f"{archive} is damaged or no archive: {error}") from error
    except OSError as error:
        # gzip tells damage so, without an errno. Anything else is this machine's trouble.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise ArchiveError(f"{archive} is damaged or no archive: {error}") from error


def members(archive: Path, max_bytes: int) -> Iterator[Member]:
    """Yield the members in order; the content of one can be read until the next one is asked for.

    max_bytes: how much of a .deb may be read into memory.

    Raises ArchiveError for what is no archive, or has a member that is neither file, folder nor link. To be used
    within `damage_told`.
    """
    if archive.suffix == ".deb":
        yield from _tar_members(archive, io.BytesIO(_deb_data(archive, max_bytes)))
    elif archive.suffix in (".zip", ".whl"):
        yield from _zip_members(archive)
    else:
        with archive.open("rb") as file:
            yield from _tar_members(archive, file)


def _tar_members(archive: Path, file: IO[bytes]) -> Iterator[Member]:
    kinds = {
        tarfile.REGTYPE: "file",
        tarfile.AREGTYPE: "file",
        tarfile.GNUTYPE_SPARSE: "file",
        tarfile.CONTTYPE: "file",
        tarfile.DIRTYPE: "folder",
        tarfile.SYMTYPE: "symlink",
        tarfile.LNKTYPE: "hardlink",
    }
    with tarfile.open(fileobj=cast("IO[bytes]", _Bounded(_decompressed(file))), mode="r:") as tar:
        for info in tar:
            kind = kinds.get(info.type)
            if kind is None:
                raise ArchiveError(f"{archive} is refused: {info.name!r} is a device or of an unknown kind")
            yield Member(
                name=info.name,
                kind=kind,
                mode=info.mode,
                mtime=info.mtime,
                target=info.linkname,
                size=info.size,
                open=lambda info=info: tar.extractfile(info) or io.BytesIO(),  # type: ignore[misc]
            )


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    start = file.read(6)
    file.seek(0)
    opener = next((opener for magic, opener in _COMPRESSED if start.startswith(magic)), None)
    return cast("IO[bytes]", opener(file)) if opener else file


class _Bounded:
    """A file of which nobody reads much at once: a header that says so must not fill the memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if size > _MAX_READ:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            link = stat.S_ISLNK(mode)
            yield Member(
                name=info.filename,
                kind="symlink" if link else "folder" if info.is_dir() else "file",
                mode=mode,
                mtime=_zip_time(info),
                target=opened.read(info).decode() if link and info.file_size < 4096 else "",
                size=info.file_size,
                open=lambda info=info: opened.open(info),  # type: ignore[misc]
            )


def _zip_time(info: zipfile.ZipInfo) -> float:
    # The fields are not checked by anybody: a zero month is common.
    try:
        return time.mktime((*info.date_time, 0, 0, -1))
    except (OverflowError, ValueError):
        return 0


def _deb_data(archive: Path, max_bytes: int) -> bytes:
    """Return the compressed `data.tar` of a Debian package, see deb(5)."""
    with archive.open("rb") as file:
        if file.read(len(_AR_MAGIC)) != _AR_MAGIC:
            raise ArchiveError(f"{archive} is damaged or no Debian package: it does not start as an ar archive")
        while header := file.read(_AR_HEADER):
            if len(header) != _AR_HEADER or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
                raise ArchiveError(f"{archive} is damaged: it has a member without a valid header")
            name = header[:16].decode("ascii", "replace").strip().rstrip("/")
            size = int(header[48:58])
            if name.startswith("data.tar"):
                if size > max_bytes:
                    raise ArchiveError(f"{archive} is refused: {name} is too big ({size} bytes)")
                data = file.read(size)
                if len(data) != size:
                    raise ArchiveError(f"{archive} is damaged: {name} ends early")
                return data
            file.seek(size + size % 2, io.SEEK_CUR)
    raise ArchiveError(f"{archive} is damaged or no Debian package: it has no data.tar")
