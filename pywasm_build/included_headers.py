"""Find the headers that the sources of an sdist include and do not bring: they tell which native libraries it wants.

That asks no build system: it is the same for setup.py, Meson, CMake, Cython and cffi. A header that is included under a
condition that never holds is found too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pywasm_build.obstacles import is_aside

_COMPILED = frozenset((".c", ".cc", ".cpp", ".cxx"))
_SOURCES = _COMPILED | {".h", ".hh", ".hpp", ".hxx", ".pyx", ".pxd", ".pxi", ".py"}
# C includes, in the sources or in a text that a Python file hands to cffi; the declarations of Cython.
_INCLUDE = re.compile(rb"""^[^\n]*?(?:#\s*include\s*[<"]|\bextern\s+from\s+["'])([\w./+-]{1,80})[>"']""", re.MULTILINE)
# Generated C can be long; what it includes stands at its beginning.
_MAX_BYTES = 256 * 1024


def foreign_headers(tree: Path) -> list[str]:
    """Return what the sources of an unpacked sdist include, as they name it, and do not bring, sorted.

    Tests, documents and examples do not count, nor does what links lead to.
    """
    files = list(_files(tree))
    own = _brought(files)
    used: set[str] = set()
    for path in files:
        if path.suffix in _SOURCES and not any(map(is_aside, path.parts[:-1])):
            used.update(_included(tree / path))
    return sorted(header for header in used if Path(header).name not in own)


def _brought(files: Sequence[Path]) -> set[str]:
    """Return the names of the headers whose sources are among the files too.

    Sources lie beside the header or below, or beside a folder `include`. Some packages ship headers of libraries alone,
    for those who compile against them: these say nothing.
    """
    folders = {folder for path in files if path.suffix in _COMPILED for folder in path.parents}
    return {path.name for path in files if path.suffix.startswith(".h") and _library_folder(path) in folders}


def _library_folder(header: Path) -> Path:
    return next((folder.parent for folder in header.parents if folder.name == "include"), header.parent)


def _files(tree: Path) -> Iterator[Path]:
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(tree)


def _included(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for match in _INCLUDE.finditer(file.read(_MAX_BYTES)):
            yield match[1].decode()
