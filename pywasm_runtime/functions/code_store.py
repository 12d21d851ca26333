"""Give functions and their unpacked code to a supervisor, from the storage or from what it had before."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from pywasm_runtime.functions.code_folder import materialise
from pywasm_runtime.functions.model import Call, FunctionVersion
from pywasm_runtime.storage import Storage, StorageThread

_MOST_FUNCTIONS = 1000


class CodeStore:
    """Hold versions that were used lately. A version never changes, so neither does what is remembered of it."""

    def __init__(self, storage: StorageThread, folder: Path) -> None:
        self._storage = storage
        self._folder = folder
        self._versions: OrderedDict[tuple[str, str, int], FunctionVersion] = OrderedDict()
        self._unpacked: set[str] = set()
        self._unpacking = asyncio.Lock()

    def known(self, call: Call) -> FunctionVersion | None:
        """Give the version of a call's function if it is remembered."""
        return self._versions.get((call.user, call.function, call.version))

    def of(self, storage: Storage, call: Call) -> FunctionVersion:
        """Give it in any case; on the storage's thread. Raises NotFound."""
        known = self.known(call)
        return known if known is not None else storage.functions.version(call.user, call.function, call.version)

    def remember(self, function: FunctionVersion) -> None:
        """Remember a version."""
        self._versions[function.user, function.name, function.version] = function
        while len(self._versions) > _MOST_FUNCTIONS:
            self._versions.popitem(last=False)

    async def unpack(self, function: FunctionVersion) -> None:
        """See to it that the code lies in its folder, and is what was uploaded."""
        if function.digest in self._unpacked:
            return
        async with self._unpacking:
            archive = await self._storage.run(lambda storage: storage.functions.archive(function.digest))
            await asyncio.to_thread(materialise, archive, function.digest, self._folder, verify=True)
            self._unpacked.add(function.digest)

    async def unpack_new(self, function: FunctionVersion) -> None:
        """See to it for code that may be in no storage yet: whoever uploads it has unpacked it."""
        if not await asyncio.to_thread((self._folder / function.digest).is_dir):
            await self.unpack(function)

    def doubt(self, function: FunctionVersion) -> None:
        """Look at the code again before the next call."""
        self._unpacked.discard(function.digest)
