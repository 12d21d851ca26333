"""Pack a Python file or a folder of this machine into an archive."""

import keyword
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pywasm_runtime.functions.archive_zip import MAX_BYTES, MAX_FILES, check_paths, is_left_out, write_zip
from pywasm_runtime.functions.errors import InvalidName, UploadRefused
from pywasm_runtime.functions.names import check_member_path


def pack(path: Path) -> bytes:
    """Pack one .py file, or a folder without its hidden files and caches; the same files give the same bytes.

    Raises UploadRefused for links, devices, too many or too large files, and for what cannot be read.
    """
    try:
        if path.is_dir():
            return write_zip(_read_folder(path))
        if path.suffix != ".py":
            raise UploadRefused(f"{path}: a function is a .py file or a folder")
        return write_zip({check_member_path(path.name): _read_file(path, MAX_BYTES)})
    except InvalidName as error:
        raise UploadRefused(f"{path} cannot be packed: {error}") from None
    except OSError as error:
        raise UploadRefused(f"{error.filename or path} cannot be read: {error.strerror or error}") from None


def pack_source(source: bytes, function: str) -> bytes:
    """Pack the text of a Python file that came without a name, as the module of the function."""
    importable = function.isidentifier() and not keyword.iskeyword(function)
    return write_zip({f"{function if importable else 'main'}.py": source})


def _read_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    rest = MAX_BYTES
    for path in _walk(folder):
        name = check_member_path(path.relative_to(folder).as_posix())
        files[name] = _read_file(path, rest)
        rest -= len(files[name])
        if len(files) > MAX_FILES:
            raise UploadRefused(f"{folder} has too many files; a function may have {MAX_FILES}")
    check_paths(list(files))
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        if is_left_out(item.name):
            continue
        if item.is_dir(follow_symlinks=False):
            yield from _walk(Path(item))
        else:
            yield Path(item)


def _read_file(path: Path, rest: int) -> bytes:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise UploadRefused(f"{path} is a link or a device; a function has plain files only")
    # Whoever swaps the file for a link or a pipe now gets an error, not our wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(rest + 1)
    if len(content) > rest:
        raise UploadRefused(f"{path}: the files of a function may have {MAX_BYTES} bytes together")
    return content
