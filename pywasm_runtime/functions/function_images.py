"""Keep the images of a worker's functions at hand, under keys that say all that they were made of."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pywasm_host.abi import ABI_VERSION
from pywasm_runtime.embedding import Embedding
from pywasm_runtime.errors import ImageError
from pywasm_runtime.functions.guest_steps import GuestTarget, ImportingHost, enter_runner
from pywasm_runtime.functions.model import FunctionVersion
from pywasm_runtime.image import ImageStore
from pywasm_runtime.mounts import Mount, MountTable
from pywasm_runtime.native_code import load_native
from pywasm_runtime.process import GuestProcess
from pywasm_runtime.process_state import FORMAT
from pywasm_runtime.restore import Image, take_image
from pywasm_runtime.restore_plan import NativeRestore
from pywasm_runtime.runtime_root import STAMP, RuntimeRoot

CODE = "/function"
"""Where the guest sees the function's code, read-only."""

ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWASM": "1"}
"""The environment of every function; the last is what Faasm's functions know a sandbox by."""

_OPEN_IMAGES = 128


class FunctionImages:
    """Hold the images in `folder`: the base image's, and one a function; those used last are ready for restoring.

    modules: the folder of compiled modules; preload: what the base image has imported.
    """

    def __init__(
        self, embedding: Embedding, root: RuntimeRoot, folder: Path, modules: Path, preload: Sequence[str]
    ) -> None:
        self._embedding = embedding
        self._root = root
        self._store = ImageStore(folder)
        self._open: OrderedDict[str, Image] = OrderedDict()
        self._keys: OrderedDict[tuple[object, ...], str] = OrderedDict()
        library = load_native(modules)
        self._native = NativeRestore(library) if library is not None else None
        stamp = root.folder / STAMP
        self.base_key = _key(
            "base",
            {
                "format": FORMAT,
                "abi": ABI_VERSION,
                "program": root.program.digest,
                "root": hashlib.sha256(stamp.read_bytes()).hexdigest() if stamp.is_file() else "",
                "preload": list(preload),
                "environment": ENVIRONMENT,
            },
        )

    def key(self, function: FunctionVersion) -> str:
        """Give the key of a function's image: no other user's function ever has the same."""
        parts = (function.user, function.name, function.digest, *sorted(function.settings.environment.items()))
        key = self._keys.get(parts)
        if key is None:
            key = self._keys[parts] = _key("function", {"base": self.base_key, "function": parts})
            while len(self._keys) > _OPEN_IMAGES:
                self._keys.popitem(last=False)
        return key

    def find(self, key: str, code: Path) -> Image | None:
        """Give an image, None if there is none; its side modules are in the runtime root, or in `code`."""
        image = self._open.get(key)
        if image is not None:
            self._open.move_to_end(key)
            return image
        image = self._find(key, code)
        if image is None:
            return None
        self._open[key] = image
        while len(self._open) > _OPEN_IMAGES:
            self._open.popitem(last=False)[1].close()
        return image

    def _find(self, key: str, code: Path) -> Image | None:
        mounts = MountTable([Mount(host=self._root.folder, guest="/"), Mount(host=code, guest=CODE)])
        while (file := self._store.find(key)) is not None:
            with suppress(FileNotFoundError):  # another process has just replaced or removed it
                return Image(file, self._embedding, mounts, self._native)
        return None

    def take(self, process: GuestProcess, key: str) -> int:
        """Take the image of a process, in place of an older one, and give its size on the disk in bytes."""
        if enter_runner(process, "pywasm_suspend", GuestTarget(ImportingHost({}))) != 0:
            raise ImageError("the runner cannot prepare the process for its image")
        self._forget(key)
        return take_image(process, self._store, key).disk_bytes

    def remove(self, key: str) -> None:
        """Remove an image."""
        self._forget(key)
        self._store.remove(key)

    def _forget(self, key: str) -> None:
        image = self._open.pop(key, None)
        if image is not None:
            image.close()


def _key(kind: str, parts: Mapping[str, object]) -> str:
    return f"{kind}-{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]}"
