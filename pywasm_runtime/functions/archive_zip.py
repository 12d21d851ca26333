"""Read zip files that nobody vouches for, and write ours, in which the same files always give the same bytes."""

import hashlib
import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from pywasm_runtime.functions.errors import InvalidName, UploadRefused
from pywasm_runtime.functions.names import check_member_path, quote

MAX_FILES = 2000
MAX_BYTES = 64 << 20
"""What all files of an archive may hold together, unpacked; also what the archive itself may have."""

_PIECE_BYTES = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENTRY_MARK = b"PK\x01\x02"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can hold
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, OverflowError)


def read_zip(archive: bytes) -> dict[str, bytes]:
    """Give the files of an archive by their paths, sorted; raises UploadRefused for anything out of the ordinary.

    Left out are the files that `is_left_out` names, which people pack by accident.
    """
    if len(archive) > MAX_BYTES:
        raise UploadRefused(f"the archive has {len(archive)} bytes, and may have {MAX_BYTES}")
    # Reading the list of a million entries takes long. A file in it may hold the mark too, so this is generous.
    if archive.count(_ENTRY_MARK) > 8 * MAX_FILES:
        raise UploadRefused(f"the archive has too many files; it may have {MAX_FILES}")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            return _read(file)
    except _DAMAGE as error:
        raise UploadRefused(f"the archive cannot be read as a zip file: {quote(str(error))}") from None


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """Pack files by their paths."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.create_system = 3  # Unix, wherever this runs
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, files[path])
    return buffer.getvalue()


def digest_files(files: Mapping[str, bytes]) -> str:
    """Give the sha256 of files by their paths, in hex."""
    total = hashlib.sha256()
    for path in sorted(files):
        # Each is hashed by itself, so that no two lists of files run together to the same bytes.
        total.update(hashlib.sha256(path.encode()).digest())
        total.update(hashlib.sha256(files[path]).digest())
    return total.hexdigest()


def is_left_out(path: str) -> bool:
    """Say whether a file is no part of a function: hidden, or made by Python or by the packer."""
    parts = PurePosixPath(path).parts
    made = any(part in ("__pycache__", "__MACOSX") or part.startswith(".") for part in parts)
    return made or path.endswith((".pyc", ".pyo"))


def check_paths(paths: list[str]) -> None:
    """Refuse paths that cannot all exist in one folder of any file system: twice, by case, a file as a folder."""
    seen: dict[str, str] = {}
    for path in paths:
        plain = unicodedata.normalize("NFC", path).casefold()
        if plain in seen:
            raise UploadRefused(f"the archive has {quote(path)} twice, or only case tells it from {quote(seen[plain])}")
        seen[plain] = path
    for plain, path in seen.items():
        for parent in PurePosixPath(plain).parents:
            if str(parent) in seen:
                raise UploadRefused(f"the archive has {quote(path)}, and {quote(seen[str(parent)])} is a file")


def _read(file: zipfile.ZipFile) -> dict[str, bytes]:
    entries = [(path, info) for info in file.infolist() if (path := _accept(info)) and not is_left_out(path)]
    if len(entries) > MAX_FILES:
        raise UploadRefused(f"the archive has {len(entries)} files, and may have {MAX_FILES}")
    check_paths([path for path, _ in entries])
    files: dict[str, bytes] = {}
    rest = MAX_BYTES
    for path, info in sorted(entries, key=lambda entry: entry[0]):
        files[path] = _inflate(file, info, rest)
        rest -= len(files[path])
    return files


def _accept(info: zipfile.ZipInfo) -> str:
    """Give the path of an entry, nothing for a folder."""
    # zipfile cuts a name at NUL; what was in the archive is checked.
    name = info.orig_filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    try:
        path = check_member_path(name.removesuffix("/"))
    except InvalidName as error:
        raise UploadRefused(f"the archive is refused: {error}") from None
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UploadRefused(f"the archive is refused: {quote(name)} is a link or a device; pack plain files only")
    if info.flag_bits & 1:
        raise UploadRefused(f"the archive is refused: {quote(name)} is encrypted")
    if info.compress_type not in _METHODS:
        raise UploadRefused(f"the archive is refused: {quote(name)} is compressed by another method than deflate")
    return "" if name.endswith("/") else path


def _inflate(file: zipfile.ZipFile, info: zipfile.ZipInfo, rest: int) -> bytes:
    """Read one file; the size that the archive claims is not believed."""
    pieces: list[bytes] = []
    with file.open(info) as stream:
        while piece := stream.read(_PIECE_BYTES):
            rest -= len(piece)
            if rest < 0:
                raise UploadRefused(f"the archive unpacks to more than {MAX_BYTES} bytes, at {quote(info.filename)}")
            pieces.append(piece)
    return b"".join(pieces)
