"""Read wheels that nobody has vouched for, and rewrite them so that the same content has the same bytes.

Formats: "Binary distribution format" and "Recording installed projects" (RECORD) of the Python packaging
specifications. No entry is extracted here, but the names are held to what can be: relative, plain, unique.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pywasm_build.archive import MAX_BYTES, MAX_MEMBERS
from pywasm_build.errors import ArchiveError, WheelError

# Entries are read whole; the largest known, debug builds of side modules, stay far below.
MAX_ENTRY_BYTES = 1 << 30
# The earliest time that a zip archive can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_LEVEL = 6
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
)
# Installers split RECORD into lines, some by all that Unicode calls a line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DRIVE = re.compile(r"[A-Za-z]:")
_LIBRARY = re.compile(r".+\.so(\.[0-9]+)*")
_HASHES = ("sha256", "sha384", "sha512")
# These sign RECORD, so RECORD cannot have their hashes, and a new RECORD makes them worthless.
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")

_MACH_O = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_MACH_O_FAT = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
# Java classes begin like universal binaries; what follows is at least this version, or a number of machines.
_OLDEST_JAVA = 45


@dataclass(frozen=True, kw_only=True)
class WheelArchive:
    """An open wheel with safe names: `names` are its files, sorted; `dist_info` is its one such folder."""

    path: Path
    names: tuple[str, ...]
    dist_info: str
    file: zipfile.ZipFile

    @property
    def record(self) -> str:
        """The name of RECORD."""
        return f"{self.dist_info}/RECORD"

    @property
    def unrecorded(self) -> frozenset[str]:
        """The names that RECORD gives no hash for: its own and those of its signatures."""
        return frozenset((self.record, *(f"{self.dist_info}/{name}" for name in _SIGNATURES)))

    def read(self, name: str) -> bytes:
        """Return the content of a file; raise ArchiveError if it is damaged."""
        try:
            return self.file.read(name)
        except _DAMAGED as error:
            raise ArchiveError(f"{self.path} is damaged at {name!r}: {error}; build or download it again") from error

    def metadata(self, name: str) -> bytes:
        """Return the content of a file in dist-info; raise WheelError if there is none."""
        full = f"{self.dist_info}/{name}"
        if full not in self.names:
            raise WheelError(f"{self.path} has no {full}, so it is no wheel; build or download it again")
        return self.read(full)


@contextmanager
def open_wheel(path: Path, *, max_bytes: int = MAX_BYTES, max_members: int = MAX_MEMBERS) -> Iterator[WheelArchive]:
    """Open a wheel; the limits are on what it would write.

    Raises ArchiveError for what is damaged, too big, no file or folder, or has a name that is unsafe or there
    twice; WheelError if there is not exactly one dist-info folder.
    """
    try:
        opened = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise ArchiveError(f"{path} is damaged or no wheel: {error}; build or download it again") from error
    with opened:
        names = _safe_names(path, opened.infolist(), max_bytes, max_members)
        folders = {name.split("/")[0] for name in names if "/" in name}
        found = sorted(folder for folder in folders if folder.endswith(".dist-info"))
        if len(found) != 1:
            raise WheelError(f"{path} should have one dist-info folder, it has {', '.join(found) or 'none'}")
        yield WheelArchive(path=path, names=names, dist_info=found[0], file=opened)


def _safe_names(path: Path, infos: Sequence[zipfile.ZipInfo], max_bytes: int, max_members: int) -> tuple[str, ...]:
    """Check every entry, folders too; return the names of the files, sorted."""
    if len(infos) > max_members:
        raise ArchiveError(f"{path} is refused: it has {len(infos)} members, more than {max_members}")
    if sum(info.file_size for info in infos) > max_bytes:
        raise ArchiveError(f"{path} is refused: it unpacks to more than {max_bytes} bytes")
    files: set[str] = set()
    folders: set[str] = set()
    for info in infos:
        # The name as stored: zipfile cuts it at a NUL, and takes another one from an extra field.
        name = info.orig_filename
        if why := _refusal(info, duplicate=name in files):
            raise ArchiveError(f"{path} is refused because of its member {name!r}: {why}")
        parts = name.rstrip("/").split("/")
        folders.update("/".join(parts[:count]) for count in range(1, len(parts)))
        (folders if name.endswith("/") else files).add(name.rstrip("/"))
    if clash := files & folders:
        raise ArchiveError(f"{path} is refused: {min(clash)!r} is both a file and a folder")
    return tuple(sorted(files))


def _refusal(info: zipfile.ZipInfo, *, duplicate: bool) -> str:
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    folder = name.endswith("/")
    if info.filename != name or _CONTROL.search(name):
        return "its name has control characters, or is stored in two ways"
    if "\\" in name or _DRIVE.match(name):
        return "its name is one of Windows"
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "its name is not a plain relative path"
    if duplicate:
        return "it is there twice"
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        return "it is neither file nor folder (a link, a device)"
    if info.file_size > MAX_ENTRY_BYTES:
        return f"it has {info.file_size} bytes, more than {MAX_ENTRY_BYTES}"
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        return "it is encrypted, or compressed in another way than deflate"
    return ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What RECORD says: hash and size by name, both as text; `problems` is what is wrong with it as such."""

    rows: Mapping[str, tuple[str, str]]
    problems: list[str] = field(default_factory=list)

    def check(self, name: str, content: bytes) -> list[str]:
        """Return what is wrong with the row of a file."""
        if name not in self.rows:
            return [f"RECORD does not list {name}"]
        expected, size = self.rows[name]
        algorithm = expected.partition("=")[0]
        if algorithm not in _HASHES:
            return [f"RECORD has no hash by {', '.join(_HASHES)} for {name}"]
        problems = []
        if _digest(content, algorithm) != expected:
            problems.append(f"RECORD has another hash for {name}: {expected}")
        if size and size != str(len(content)):
            problems.append(f"RECORD says that {name} has {size} bytes, it has {len(content)}")
        return problems


def read_record(source: WheelArchive) -> Record:
    """Read RECORD; what is wrong with it, as such or about files that do not exist, is in its problems."""
    if source.record not in source.names:
        return Record(rows={}, problems=["there is no RECORD"])
    try:
        text = source.read(source.record).decode("utf-8")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        return Record(rows={}, problems=[f"RECORD cannot be read: {error}"])
    rows: dict[str, tuple[str, str]] = {}
    problems = []
    for line in filter(None, lines):
        if len(line) != 3:
            problems.append(f"RECORD has a line of {len(line)} fields instead of 3: {','.join(line)[:100]!r}")
        elif line[0] in rows:
            problems.append(f"RECORD lists {line[0]} twice")
        else:
            rows[line[0]] = (line[1], line[2])
    absent = sorted(set(rows) - set(source.names))
    problems += [f"RECORD lists {name}, which is not in the wheel" for name in absent]
    if rows.get(source.record, ("", ""))[0]:
        problems.append("RECORD has a hash for itself")
    return Record(rows=rows, problems=problems)


def _digest(content: bytes, algorithm: str) -> str:
    raw = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def normalise(wheel: Path, out: Path, replacements: Mapping[str, str]) -> Path:
    """Rewrite a wheel into the folder `out` under its own name; return its path.

    Same content gives same bytes (with the same zlib): names sorted, dist-info after the rest as the format
    advises, RECORD made anew and last, one time stamp, modes by the kind of file.

    replacements: what text files must not say to what they say instead, such as build-machine paths to guest
        paths. The longest that fits wins; what was put in is not looked at again. A file with NUL bytes is
        no text.

    Raises ArchiveError and WheelError as `open_wheel` does; then nothing is written.
    """
    replace = _replacer(replacements)
    out.mkdir(parents=True, exist_ok=True)
    target = out / wheel.name
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open_wheel(wheel) as source, zipfile.ZipFile(temporary, "w") as made:
            _rewrite(source, made, replace)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _replacer(replacements: Mapping[str, str]) -> Callable[[bytes], bytes]:
    if "" in replacements:
        raise ValueError("an empty text cannot be replaced")
    # Where text is UTF-8, its bytes can be searched: no character's bytes begin within another's.
    by_bytes = {old.encode(): new.encode() for old, new in replacements.items()}
    pattern = re.compile(b"|".join(re.escape(old) for old in sorted(by_bytes, key=len, reverse=True)))

    def replace(content: bytes) -> bytes:
        # A small wasm module may be valid UTF-8 by chance, and its lengths would be wrong afterwards.
        if not by_bytes or b"\0" in content or not pattern.search(content):
            return content
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            return content
        return pattern.sub(lambda match: by_bytes[match[0]], content)

    return replace


def _rewrite(source: WheelArchive, made: zipfile.ZipFile, replace: Callable[[bytes], bytes]) -> None:
    rows = []
    last = f"{source.dist_info}/"
    for name in sorted(source.names, key=lambda name: (name.startswith(last), name)):
        if name in source.unrecorded:
            continue
        content = replace(source.read(name))
        rows.append((name, _digest(content, _HASHES[0]), str(len(content))))
        _write(made, name, content)
    record = io.StringIO(newline="")
    csv.writer(record, lineterminator="\n").writerows([*rows, (source.record, "", "")])
    _write(made, source.record, record.getvalue().encode())


def _write(made: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.create_system = _UNIX
    info.external_attr = (stat.S_IFREG | (0o755 if _is_program(name) else 0o644)) << 16
    made.writestr(info, content, zipfile.ZIP_DEFLATED, _LEVEL)


def _is_program(name: str) -> bool:
    parts = name.split("/")
    return (parts[0].endswith(".data") and parts[1:2] == ["scripts"]) or is_library(name)


def is_library(name: str) -> bool:
    """Tell whether a name is that of a shared library: x.so, libx.so.1."""
    return bool(_LIBRARY.fullmatch(name.rpartition("/")[2]))


def foreign_format(content: bytes) -> str:
    """Name the format of a binary for another machine: ELF, Mach-O or PE; empty for anything else."""
    start = content[:4]
    if start == b"\x7fELF":
        return "ELF"
    if start in _MACH_O:
        return "Mach-O"
    if start in _MACH_O_FAT and int.from_bytes(content[4:8], "big") < _OLDEST_JAVA:
        return "Mach-O"
    header = int.from_bytes(content[0x3C:0x40], "little")
    return "PE" if start[:2] == b"MZ" and content[header : header + 4] == b"PE\0\0" else ""
