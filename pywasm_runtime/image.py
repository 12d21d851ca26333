"""Keep images: a process's memory, as a sparse file that can be mapped, and the rest of it beside it.

Two files an image, `<key>.memory` and `<key>.state.text`, each with a seal beside it. An image counts only if both
seals hold; a damaged one is removed, and made again by whoever needs it. So are those that went because the folder
had reached its limit: the ones that were not opened for longest.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pywasm_runtime.cache_limit import CacheLimit
from pywasm_runtime.errors import ImageError
from pywasm_runtime.process_state import ProcessState, state_from_json
from pywasm_runtime.seals import is_sealed, note_use, replace_file, seal_path, temporary_name, write_seal

MAX_FOLDER_BYTES = 4 << 30
"""What the folder may hold: an image with numpy takes 15 MB."""

_CHUNK = 1 << 16
_ZEROS = bytes(_CHUNK)


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """Hold an image that is complete: its state and the file to map."""

    key: str
    state: ProcessState
    memory: Path


class ImageStore:
    """Hold the images in `folder`, by keys that say what they were made of."""

    def __init__(self, folder: Path, max_bytes: int = MAX_FOLDER_BYTES) -> None:
        self.folder = folder
        self._limit = CacheLimit(folder, max_bytes)

    def find(self, key: str) -> ImageFile | None:
        """Give an image, None if there is none; a damaged one is removed."""
        memory, state = self._memory(key), self._state(key)
        if not memory.exists():
            return None
        if is_sealed(memory) and is_sealed(state):
            with suppress(OSError, ImageError):
                read = state_from_json(state.read_bytes())
                if read.memory_bytes == memory.stat().st_size:
                    note_use(memory)
                    return ImageFile(key=key, state=read, memory=memory)
        self.remove(key)
        return None

    def keep(self, key: str, state: ProcessState, read: Callable[[int, int], bytes]) -> ImageFile:
        """Write an image, whose memory `read` gives by offset and length; raises OSError on a full disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        memory, text = self._memory(key), state.to_json()
        self.remove(key)
        digest = _write_sparse(memory, state.memory_bytes, read)
        replace_file(self._state(key), text)
        write_seal(self._state(key), hashlib.sha256(text).hexdigest())
        write_seal(memory, digest)
        self._limit.added(memory.stat().st_blocks * 512)
        return ImageFile(key=key, state=state, memory=memory)

    def remove(self, key: str) -> None:
        """Remove an image; processes that were restored from it go on, they have it mapped."""
        for path in (self._memory(key), self._state(key)):
            seal_path(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def _memory(self, key: str) -> Path:
        return self.folder / f"{key}.memory"

    def _state(self, key: str) -> Path:
        return self.folder / f"{key}.state.text"


def _write_sparse(path: Path, size: int, read: Callable[[int, int], bytes]) -> str:
    """Write a file with holes where there are zeros, by rename, and give its sha256."""
    digest = hashlib.sha256()
    temporary = temporary_name(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for offset in range(0, size, _CHUNK):
                chunk = read(offset, min(_CHUNK, size - offset))
                digest.update(chunk)
                if chunk != _ZEROS:
                    file.seek(offset)
                    file.write(chunk)
            file.truncate(size)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest()
