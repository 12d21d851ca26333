"""Keep images: a process's memory, as a sparse file that can be mapped, and the rest of it beside it.

Two files an image, `<key>.memory` and `<key>.state.text`, each with a seal beside it. An image counts only if both
seals hold; a damaged one is removed, and made again by whoever needs it. So are those that went because the folder
had reached its limit: the ones that were not opened for longest. Many processes use one folder: they look, replace and
remove under a lock on it, so that no image is ever made of the files of two.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.cache_limit import CacheLimit
from pywasm_runtime.errors import ImageError
from pywasm_runtime.process_state import ProcessState, state_from_json
from pywasm_runtime.seals import identity, is_sealed, note_use, replace_file, seal_path, temporary_name, write_seal

MAX_FOLDER_BYTES = 4 << 30
"""What the folder may hold: an image with numpy takes 15 MB."""

_CHUNK = 1 << 16
_ZEROS = bytes(_CHUNK)


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """Hold an image that is complete: its state and the file to map, as it was when both were seen together."""

    key: str
    state: ProcessState
    memory: Path
    status: os.stat_result

    @property
    def disk_bytes(self) -> int:
        """Give what the memory takes on the disk: it has holes."""
        return self.status.st_blocks * 512

    def open_memory(self) -> int:
        """Open the memory that belongs to the state; FileNotFoundError if it is gone, or another's is there now."""
        descriptor = os.open(self.memory, os.O_RDONLY | os.O_CLOEXEC)
        if identity(os.fstat(descriptor)) == identity(self.status):
            return descriptor
        os.close(descriptor)
        raise FileNotFoundError(f"{self.memory}: replaced by another process")


class ImageStore:
    """Hold the images in `folder`, by keys that say what they were made of."""

    def __init__(self, folder: Path, max_bytes: int = MAX_FOLDER_BYTES) -> None:
        self.folder = folder
        self._limit = CacheLimit(folder, max_bytes)

    def find(self, key: str) -> ImageFile | None:
        """Give an image, None if there is none; a damaged one is removed."""
        memory, state = self._memory(key), self._state(key)
        if not self.folder.is_dir():
            return None
        with self._locked():
            if not memory.exists():
                return None
            if is_sealed(memory) and is_sealed(state):
                with suppress(OSError, ImageError):
                    read, status = state_from_json(state.read_bytes()), memory.stat()
                    if read.memory_bytes == status.st_size:
                        note_use(memory)
                        return ImageFile(key=key, state=read, memory=memory, status=status)
            self._remove(key)
        return None

    def keep(self, key: str, state: ProcessState, read: Callable[[int, int], bytes]) -> ImageFile:
        """Write an image, whose memory `read` gives by offset and length; raises OSError on a full disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        memory, text = self._memory(key), state.to_json()
        temporary = temporary_name(memory)
        try:
            digest = _write_sparse(temporary, state.memory_bytes, read)
            with self._locked():
                self._remove(key)
                temporary.replace(memory)
                replace_file(self._state(key), text)
                write_seal(self._state(key), hashlib.sha256(text).hexdigest())
                write_seal(memory, digest)
                file = ImageFile(key=key, state=state, memory=memory, status=memory.stat())
        finally:
            temporary.unlink(missing_ok=True)
        self._limit.added(file.disk_bytes)
        return file

    def remove(self, key: str) -> None:
        """Remove an image; processes that were restored from it go on, they have it mapped."""
        if self.folder.is_dir():
            with self._locked():
                self._remove(key)

    def _remove(self, key: str) -> None:
        for path in (self._memory(key), self._state(key)):
            seal_path(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The folder itself is locked: a file for it could be removed, by the limit or by hand, and then be two.
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # gives the lock back

    def _memory(self, key: str) -> Path:
        return self.folder / f"{key}.memory"

    def _state(self, key: str) -> Path:
        return self.folder / f"{key}.state.text"


def _write_sparse(path: Path, size: int, read: Callable[[int, int], bytes]) -> str:
    """Write a new file with holes where there are zeros, and give its sha256."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for offset in range(0, size, _CHUNK):
            chunk = read(offset, min(_CHUNK, size - offset))
            digest.update(chunk)
            if chunk != _ZEROS:
                file.seek(offset)
                file.write(chunk)
        file.truncate(size)
    return digest.hexdigest()
