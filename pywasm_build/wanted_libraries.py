"""Find out which native libraries the sources of an sdist want, as a distribution's -dev packages would offer them.

A library is wanted where a source file includes a header that its recipe names under `headers`, and the sdist does
not bring that library itself. This asks no build system: it is the same for setup.py, Meson, CMake, Cython and cffi.
A source that includes a header under a condition that never holds costs a library on the search path, nothing else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pywasm_build import archive, obstacles
from pywasm_build.errors import StoreError
from pywasm_build.obstacles import is_aside
from pywasm_build.progress import Status
from pywasm_build.recipes import Registry
from pywasm_build.store import JSON, Stage, Store, read_stamp, remove_product, source_hash

_COMPILED = frozenset((".c", ".cc", ".cpp", ".cxx"))
_SOURCES = _COMPILED | {".h", ".hh", ".hpp", ".hxx", ".pyx", ".pxd", ".pxi", ".py"}
# C includes, in the sources or in a text that a Python file hands to cffi; the declarations of Cython.
_INCLUDE = re.compile(rb"""^[^\n]*?(?:#\s*include\s*[<"]|\bextern\s+from\s+["'])([\w./+-]+)[>"']""", re.MULTILINE)
# Generated C can be long; what it includes stands at its beginning.
_MAX_BYTES = 256 * 1024


def wanted_libraries(store: Store, fetch: Callable[[], Path], sha256: str, registry: Registry) -> tuple[str, ...]:
    """Return the names of the libraries of the registry that the sdist with that hash wants, sorted.

    fetch: returns the sdist; it is called only the first time. Raises ArchiveError for one that is damaged or unsafe.
    """
    known = _known_headers(registry)
    code = source_hash(sys.modules[__name__], obstacles, archive)
    stage = Stage("wanted-libraries", {"sha256": sha256, "headers": known, "code": code})

    def make(root: Path) -> Mapping[str, JSON]:
        sdist = fetch()
        with Status(f"look for libraries that {sdist.name} wants"):
            archive.unpack(sdist, root / "tree", strip=1)
            found = libraries_of_tree(root / "tree", known)
            remove_product(root / "tree")
        return {"libraries": found}

    product = store.build(stage, make)
    try:
        return tuple((read_stamp(product) or {})["libraries"])
    except (KeyError, TypeError) as error:
        raise StoreError(f"{product} is damaged ({error!r}); delete it") from error


def libraries_of_tree(tree: Path, known: Mapping[str, str]) -> list[str]:
    """Return the names of the libraries that unpacked sources want, sorted; `known` gives the library of a header."""
    files = list(_files(tree))
    own = _brought(files)
    used: set[str] = set()
    for path in files:
        if path.suffix in _SOURCES and not any(map(is_aside, path.parts[:-1])):
            used.update(_included(tree / path))
    return sorted({library for header, library in known.items() if header in used and Path(header).name not in own})


def _brought(files: Sequence[Path]) -> set[str]:
    """Return the names of the headers whose library is among the files too.

    Its sources lie beside the header or below, or beside a folder `include`. Some packages ship headers alone, for
    those who compile against them: these say nothing.
    """
    folders = {folder for path in files if path.suffix in _COMPILED for folder in path.parents}
    return {path.name for path in files if path.suffix.startswith(".h") and _library_folder(path) in folders}


def _library_folder(header: Path) -> Path:
    return next((folder.parent for folder in header.parents if folder.name == "include"), header.parent)


def _known_headers(registry: Registry) -> dict[str, str]:
    return {header: recipe.name for recipe in registry.recipes.values() for header in recipe.headers}


def _files(tree: Path) -> Iterator[Path]:
    """Yield the files of an unpacked sdist relative to it; links are left out, what they lead to comes anyway."""
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(tree)


def _included(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for match in _INCLUDE.finditer(file.read(_MAX_BYTES)):
            yield match[1].decode()
