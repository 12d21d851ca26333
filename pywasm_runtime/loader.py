"""Find and read the files of side modules: search paths, what is needed, what is loaded already."""

import posixpath
from collections.abc import Sequence

from pywasm_runtime.errors import LinkError
from pywasm_runtime.library import Library
from pywasm_runtime.mounts import GuestFile, MountTable
from pywasm_runtime.side_module import MAX_FILE_BYTES, read_side_module

_ORIGIN = ("$ORIGIN", "${ORIGIN}")


class Loader:
    """Read side modules through `mounts`; `library_path` lists the guest's folders for bare names."""

    def __init__(self, mounts: MountTable, library_path: Sequence[str] = ()) -> None:
        self._mounts = mounts
        self._library_path = tuple(library_path)
        self._by_identity: dict[tuple[int, ...], Library] = {}

    def find(self, path: str) -> Library | None:
        """Give the library that is loaded from that file; LinkError if there is no such file."""
        return self._by_identity.get(self._open(path).identity)

    def read(self, path: str, abi: str | None) -> tuple[Library, list[Library]]:
        """Read a module and all that it needs; give its library, and those that were not loaded before."""
        reading: dict[tuple[int, ...], Library] = {}
        root = self._library(self._open(path), abi, reading)
        pending = [root]
        for library in pending:  # grows while it is walked
            for name in library.source.dylink.needed:
                before = len(reading)
                needed = self._library(self._open_needed(library, name), abi, reading)
                library.needed.append(needed)
                if len(reading) > before:
                    pending.append(needed)
        return root, list(reading.values())

    def reopen(self, path: str, digest: str, abi: str | None) -> Library:
        """Read a module that another process of the same guest has loaded; LinkError if it is another file now."""
        file = self._open(path)
        source = read_side_module(file, abi)
        if source.digest != digest:
            raise LinkError(f"{path}: the file has changed since the process was made")
        library = self._by_identity[file.identity] = Library(source)
        return library

    def register(self, library: Library) -> None:
        """Remember a library under its file."""
        self._by_identity[library.source.file.identity] = library

    def forget(self, library: Library) -> None:
        """Forget a library that failed."""
        self._by_identity.pop(library.source.file.identity, None)

    def _library(self, file: GuestFile, abi: str | None, reading: dict[tuple[int, ...], Library]) -> Library:
        known = self._by_identity.get(file.identity) or reading.get(file.identity)
        if known is None:
            known = reading[file.identity] = Library(read_side_module(file, abi))
        return known

    def _open(self, path: str) -> GuestFile:
        if "/" not in path:
            candidates = [posixpath.join(folder, path) for folder in self._library_path]
            found = self._first(candidates)
            if found is None:
                raise LinkError(f"{path}: cannot open shared object file: not in {list(self._library_path)}")
            return found
        try:
            return self._mounts.read(posixpath.join("/", path), MAX_FILE_BYTES)
        except OSError as error:
            raise LinkError(f"{path}: cannot open shared object file: {error.strerror}") from None

    def _open_needed(self, library: Library, name: str) -> GuestFile:
        folder = posixpath.dirname(library.name)
        if "/" in name:
            candidates = [posixpath.join(folder, name)]
        else:
            paths = [_expand(path, folder) for path in library.source.dylink.runtime_paths]
            candidates = [posixpath.join(one, name) for one in (folder, *paths, *self._library_path)]
        found = self._first(candidates)
        if found is None:
            raise LinkError(f"{library.name}: needs {name}, which is in none of {_folders(candidates)}")
        return found

    def _first(self, candidates: Sequence[str]) -> GuestFile | None:
        for candidate in candidates:
            try:
                return self._mounts.read(candidate, MAX_FILE_BYTES)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise LinkError(f"{candidate}: cannot open shared object file: {error.strerror}") from None
        return None


def _expand(path: str, folder: str) -> str:
    for word in _ORIGIN:
        path = path.replace(word, folder)
    return posixpath.join(folder, path)


def _folders(candidates: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(posixpath.dirname(candidate) for candidate in candidates))
