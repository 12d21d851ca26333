"""Unpack archives that nobody has vouched for: tar in any compression, zip (and wheels), and .deb.

No member can be written outside the destination, whatever its name or the links before it say. The rules are
our own and not those of `tarfile`'s data filter, because Debian's Python 3.11 does not have it. Symbolic
links are made after all files, and each must then lead to a place inside the destination.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pywasm_build.archive_members import Member, damage_told, members
from pywasm_build.errors import ArchiveError

MAX_BYTES = 8 * 1024**3
MAX_MEMBERS = 500_000
# What an archive of so many bytes may become: sources shrink to a fifth, rarely to a fiftieth.
_MAX_RATIO = 200
_ANY_ARCHIVE = 256 * 1024**2
# More than any sources have; the depth that Python's own rmtree can remove again.
_MAX_DEPTH = 100
_LATEST = 2**32
# What a file system says of names that it does not take.
_BAD_NAMES = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


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

    def take(self, member: Member) -> None:
        """Take one member within the limits."""
        self.members_left -= 1
        if self.members_left < 0:
            raise self.refuse(member.name, "the archive has too many members")
        # Of one that is skipped too: to pass over it, all of it is decompressed.
        if member.size > self.bytes_left:
            raise self.refuse(member.name, "the archive is too big")
        with self.names_told(member.name):
            self.write(member)

    def write(self, member: Member) -> None:
        """Write one member, or note it if it is a symbolic link."""
        path = self.place(member.name, member.name)
        if path is None:
            self.bytes_left -= member.size
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
        if len(pure.parts) > _MAX_DEPTH:
            raise self.refuse(member, f"it lies more than {_MAX_DEPTH} folders deep")
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

    def file(self, path: Path, member: Member) -> None:
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
        time = member.mtime if 0 <= member.mtime <= _LATEST else 0
        os.utime(path, (time, time))

    def hardlink(self, path: Path, member: Member) -> None:
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
                if not target or PurePosixPath(target).is_absolute():
                    raise self.refuse(member, f"it is a link to {target!r}, no relative path")
                self.check_inside(path.parent, member)
                if path.is_dir() and not path.is_symlink():
                    raise self.refuse(member, "a folder of that name is there already")
                path.unlink(missing_ok=True)
                with self.names_told(member):
                    path.symlink_to(target)
                made.append(path)
            for path, target, member in self.symlinks:
                self.check_inside(path, member, f"it is a link to {target!r}, outside the destination")
        except BaseException:
            for path in made:
                path.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def names_told(self, member: str) -> Iterator[None]:
        """Refuse a member of which the file system says that nothing can have such a name."""
        try:
            yield
        except OSError as error:
            if error.errno not in _BAD_NAMES:
                raise
            raise self.refuse(member, f"nothing can have such a name ({error.strerror})") from error

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

    Raises ArchiveError for a damaged archive, for one over a limit or much bigger than sources can be compressed, and
    for a member that is absolute, climbs out by `..` or by a link, or is neither file, folder nor link. What was
    written so far stays.
    """
    destination.mkdir(parents=True, exist_ok=True)
    unpacker = _Unpacker(
        archive=archive,
        destination=destination.resolve(),
        strip=strip,
        bytes_left=min(max_bytes, max(_ANY_ARCHIVE, _MAX_RATIO * archive.stat().st_size)),
        members_left=max_members,
    )
    with damage_told(archive):
        for member in members(archive, max_bytes):
            unpacker.take(member)
        unpacker.finish()
