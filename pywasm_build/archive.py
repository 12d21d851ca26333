"""Unpack archives that nobody has vouched for: tar in any compression, zip (and wheels), and .deb.

No member can be written outside the destination, whatever its name or the links before it say. The rules are
our own and not those of `tarfile`'s data filter, because Debian's Python 3.11 does not have it. Symbolic
links are made after all files, and each must then lead to a place inside the destination.
"""

from __future__ import annotations

import io
import lzma
import os
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from pywasm_build.errors import ArchiveError

MAX_BYTES = 8 * 1024**3
MAX_MEMBERS = 500_000
# ar(5): a global header, then for each member 60 bytes of text and the data, padded to an even length.
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, UnicodeError)


@dataclass(frozen=True, kw_only=True)
class _Member:
    """One member of an archive; `target` is the target of a link, `open` gives the content of a file."""

    name: str
    kind: str  # file, folder, symlink, hardlink
    mode: int = 0o755
    mtime: float = 0
    target: str = ""
    open: Callable[[], IO[bytes]] = io.BytesIO


@dataclass(kw_only=True)
class _Unpacker:
    """The destination of one archive, and what may still be written to it."""

    archive: Path
    destination: Path
    strip: int
    bytes_left: int
    members_left: int
    symlinks: list[tuple[Path, str, str]] = field(default_factory=list)
    safe_folders: set[Path] = field(default_factory=set)

    def take(self, member: _Member) -> None:
        """Write one member, or note it if it is a symbolic link."""
        self.members_left -= 1
        if self.members_left < 0:
            raise self.refuse(member.name, "the archive has too many members")
        path = self.place(member.name, member.name)
        if path is None:
            return
        if member.kind == "folder":
            self.folder(path, member.name)
            return
        self.folder(path.parent, member.name)
        if path.is_dir() and not path.is_symlink():
            raise self.refuse(member.name, "a folder of that name is there already")
        if member.kind == "symlink":
            self.symlinks.append((path, member.target, member.name))
        elif member.kind == "hardlink":
            self.hardlink(path, member)
        else:
            self.file(path, member)

    def place(self, name: str, member: str) -> Path | None:
        """Return where a name of the archive lies in the destination; None when `strip` leaves nothing."""
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
            raise self.refuse(member, f"{name!r} leads out of the destination")
        parts = pure.parts[self.strip :]
        return self.destination.joinpath(*parts) if parts else None

    def folder(self, path: Path, member: str) -> None:
        """Make a folder, after checking that no link leads its path elsewhere."""
        if path in self.safe_folders:
            return
        self.check_inside(path, member)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise self.refuse(member, f"{path} is there already and is no folder") from None
        self.safe_folders.add(path)

    def file(self, path: Path, member: _Member) -> None:
        """Write a file; keep of its mode only whether it can be executed."""
        path.unlink(missing_ok=True)
        with member.open() as source, path.open("xb") as target:
            while chunk := source.read(1024 * 1024):
                self.bytes_left -= len(chunk)
                if self.bytes_left < 0:
                    raise self.refuse(member.name, "the archive is too big")
                target.write(chunk)
        path.chmod(0o755 if member.mode & 0o100 else 0o644)
        # make compares these times: a tarball's generated files must not look older than their sources.
        os.utime(path, (member.mtime, member.mtime))

    def hardlink(self, path: Path, member: _Member) -> None:
        """Copy the earlier member that a hard link names; a copy behaves the same in every file system."""
        original = self.place(member.target, member.name)
        if original is None or original.is_symlink() or not original.is_file():
            raise self.refuse(member.name, f"it is a link to {member.target!r}, which is no earlier file")
        self.check_inside(original.parent, member.name)
        self.bytes_left -= original.stat().st_size
        if self.bytes_left < 0:
            raise self.refuse(member.name, "the archive is too big")
        path.unlink(missing_ok=True)
        shutil.copy2(original, path)

    def finish(self) -> None:
        """Make the symbolic links, then check where each of them leads now that all are there."""
        made = []
        try:
            for path, target, member in self.symlinks:
                if PurePosixPath(target).is_absolute():
                    raise self.refuse(member, f"it is a link to the absolute path {target!r}")
                self.check_inside(path.parent, member)
                if path.is_dir() and not path.is_symlink():
                    raise self.refuse(member, "a folder of that name is there already")
                path.unlink(missing_ok=True)
                path.symlink_to(target)
                made.append(path)
            for path, target, member in self.symlinks:
                self.check_inside(path, member, f"it is a link to {target!r}, outside the destination")
        except BaseException:
            for path in made:
                path.unlink(missing_ok=True)
            raise

    def check_inside(self, path: Path, member: str, why: str = "it leads out of the destination") -> None:
        """Refuse a path that links lead out of the destination."""
        # Unlike Path.resolve, this takes links in a circle the same way in all versions: they lead nowhere.
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self.destination):
            raise self.refuse(member, why)

    def refuse(self, member: str, why: str) -> ArchiveError:
        """Return the error for a member that must not be unpacked."""
        return ArchiveError(f"{self.archive} is refused because of its member {member!r}: {why}")


def unpack(
    archive: Path,
    destination: Path,
    *,
    strip: int = 0,
    max_bytes: int = MAX_BYTES,
    max_members: int = MAX_MEMBERS,
) -> None:
    """Unpack an archive into a folder, which is made if need be.

    strip: how many leading components of each name to leave out; a member that has no more is skipped.
    max_bytes, max_members: limits of what is written.

    Raises ArchiveError for a damaged archive, for one over a limit, and for a member that is absolute,
    climbs out by `..` or by a link, or is neither file, folder nor link. What was written so far stays.
    """
    destination.mkdir(parents=True, exist_ok=True)
    unpacker = _Unpacker(
        archive=archive,
        destination=destination.resolve(),
        strip=strip,
        bytes_left=max_bytes,
        members_left=max_members,
    )
    try:
        for member in _members(archive, max_bytes):
            unpacker.take(member)
    except _DAMAGED as error:
        raise ArchiveError(f"{archive} is damaged or no archive: {error}") from error
    unpacker.finish()


def _members(archive: Path, max_bytes: int) -> Iterator[_Member]:
    if archive.suffix == ".deb":
        yield from _tar_members(archive, io.BytesIO(_deb_data(archive, max_bytes)))
    elif archive.suffix in (".zip", ".whl"):
        yield from _zip_members(archive)
    else:
        with archive.open("rb") as file:
            yield from _tar_members(archive, file)


def _tar_members(archive: Path, file: IO[bytes]) -> Iterator[_Member]:
    kinds = {
        tarfile.REGTYPE: "file",
        tarfile.AREGTYPE: "file",
        tarfile.GNUTYPE_SPARSE: "file",
        tarfile.CONTTYPE: "file",
        tarfile.DIRTYPE: "folder",
        tarfile.SYMTYPE: "symlink",
        tarfile.LNKTYPE: "hardlink",
    }
    try:
        opened = tarfile.open(fileobj=file)  # noqa: SIM115 - it is a context manager further down
    except OSError as error:  # gzip tells damage by an OSError
        raise ArchiveError(f"{archive} is damaged or no archive: {error}") from error
    with opened as tar:
        for info in tar:
            kind = kinds.get(info.type)
            if kind is None:
                raise ArchiveError(f"{archive} is refused: {info.name!r} is a device or of an unknown kind")
            yield _Member(
                name=info.name,
                kind=kind,
                mode=info.mode,
                mtime=max(info.mtime, 0),
                target=info.linkname,
                open=lambda info=info: tar.extractfile(info) or io.BytesIO(),  # type: ignore[misc]
            )


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            link = stat.S_ISLNK(mode)
            yield _Member(
                name=info.filename,
                kind="symlink" if link else "folder" if info.is_dir() else "file",
                mode=mode,
                mtime=_zip_time(info),
                target=opened.read(info).decode() if link and info.file_size < 4096 else "",
                open=lambda info=info: opened.open(info),  # type: ignore[misc]
            )


def _zip_time(info: zipfile.ZipInfo) -> float:
    # The fields are not checked by anybody: a zero month is common.
    try:
        return max(time.mktime((*info.date_time, 0, 0, -1)), 0)
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
