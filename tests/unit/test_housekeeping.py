from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pywasm_runtime.functions.archive import check, pack_source
from pywasm_runtime.functions.code_folder import remove_others
from pywasm_runtime.functions.errors import StorageError
from pywasm_runtime.functions.housekeeping import pruning
from pywasm_runtime.functions.model import CallRequest, CallState, FunctionSettings, Outcome
from pywasm_runtime.storage import Storage, StorageThread
from pywasm_runtime.storage.pruning import MAX_PRUNED


def end_calls(storage: Storage, count: int) -> None:
    info = check(pack_source(b"", "hello"), "hello")
    storage.functions.add_version("ann", "hello", digest=info.digest, archive=info.archive, settings=FunctionSettings())
    for _ in range(count):
        call = storage.calls.submit(CallRequest(user="ann", function="hello"), owner="me", lease_seconds=60)
        storage.calls.finish(call.id, "me", Outcome())
    storage.calls.submit(CallRequest(user="ann", function="hello"))


async def ended(storage: StorageThread) -> int:
    return await storage.run(lambda opened: opened.calls.counts()[CallState.SUCCEEDED])


def test_more_than_one_step(tmp_path: Path) -> None:
    async def body() -> None:
        with StorageThread(tmp_path) as storage:
            await storage.run(lambda opened: end_calls(opened, MAX_PRUNED + 1))
            async with pruning(storage, tmp_path / "code", 0.0):
                while await ended(storage):
                    await asyncio.sleep(0.01)
            counts = await storage.run(lambda opened: opened.calls.counts())
            assert counts[CallState.QUEUED] == 1, "what has not ended stays"

    asyncio.run(asyncio.wait_for(body(), 60))


def test_again_and_again_also_after_an_error(tmp_path: Path) -> None:
    class Failing(StorageThread):
        failures = 0

        async def run(self, work):  # type: ignore[no-untyped-def]
            if self.failures < 3:
                self.failures += 1
                raise StorageError("the disk is full")
            return await super().run(work)

    async def body() -> None:
        with Failing(tmp_path) as storage, StorageThread(tmp_path) as other:
            await other.run(lambda opened: end_calls(opened, 1))
            async with pruning(storage, tmp_path / "code", 0.0, pause_seconds=0.01):
                while await ended(other):
                    await asyncio.sleep(0.01)
            assert storage.failures == 3

    asyncio.run(asyncio.wait_for(body(), 60))


def test_code_that_nothing_needs_goes_unless_it_is_young(tmp_path: Path) -> None:
    kept, old, young = ("a" * 64, "b" * 64, "c" * 64)
    for name in (kept, old, young):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "f.py").touch(mode=0o444)
        (tmp_path / name / "inner").chmod(0o555)
    for name in (kept, old):
        os.utime(tmp_path / name, (1, 1))
    assert remove_others(tmp_path, [kept], older_than_seconds=3600) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept, young]
    assert remove_others(tmp_path / "none", [], older_than_seconds=0) == 0
