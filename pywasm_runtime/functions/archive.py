"""Make, check and unpack archives of functions: a zip file of one Python file, or of a folder.

An archive is known by the digest of its content, so packing the same files again gives the same function.
"""

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pywasm_runtime.functions.archive_zip import MAX_BYTES, MAX_FILES, digest_files, read_zip, write_zip
from pywasm_runtime.functions.code_folder import materialise
from pywasm_runtime.functions.errors import UploadRefused
from pywasm_runtime.functions.names import quote
from pywasm_runtime.functions.packing import pack, pack_source

__all__ = [
    "MAX_BYTES",
    "MAX_FILES",
    "REQUIREMENTS",
    "ArchiveInfo",
    "check",
    "digest",
    "digest_files",
    "main_module",
    "materialise",
    "pack",
    "pack_source",
    "read_zip",
]

REQUIREMENTS = "requirements.txt"
_MAIN_NAMES = ("main", "function")
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, kw_only=True)
class ArchiveInfo:
    """Hold what an accepted archive has.

    files: the paths in it. module: the module that is the function. requirements: the lines of requirements.txt.
    size: bytes of all files. archive: the same files packed anew, without what a zip file can hide; keep this one.
    """

    files: tuple[str, ...]
    module: str
    requirements: tuple[str, ...]
    size: int
    digest: str
    archive: bytes


def check(archive: bytes, function: str) -> ArchiveInfo:
    """Read an archive that is to become the function of that name; raises UploadRefused with the reason."""
    files = read_zip(archive)
    return ArchiveInfo(
        files=tuple(files),
        module=main_module(files, function),
        requirements=_requirements(files.get(REQUIREMENTS, b"")),
        size=sum(map(len, files.values())),
        digest=digest_files(files),
        archive=write_zip(files),
    )


def main_module(files: Iterable[str], function: str) -> str:
    """Find the module that is the function: named like it, else main, else function, else the only one there is."""
    modules = [path.removesuffix(".py") for path in files if path.endswith(".py") and "/" not in path]
    named = [name for name in (function, *_MAIN_NAMES) if name in modules]
    if not named and len(modules) != 1:
        raise UploadRefused(
            f"the archive has {len(modules)} Python files at its top, and none is {quote(function + '.py')}, main.py or"
            " function.py: one of these is the function, or else the only Python file at the top"
        )
    module = (named or modules)[0]
    if module.isidentifier() and not keyword.iskeyword(module):
        return module
    raise UploadRefused(f"{quote(module + '.py')} cannot be imported: name it as Python names a module, or main.py")


def digest(archive: bytes) -> str:
    """Give the sha256 of an archive's content, in hex: of the paths and bytes, not of the zip file's."""
    return digest_files(read_zip(archive))


def _requirements(content: bytes) -> tuple[str, ...]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UploadRefused(f"{REQUIREMENTS} is not text in UTF-8") from None
    joined = re.sub(r"\\\r?\n", "", text)
    lines = (_COMMENT.sub("", line).strip() for line in joined.splitlines())
    return tuple(line for line in lines if line)
