from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pywasm_runtime.functions import background
from pywasm_runtime.functions.data_folder import open_data_folder
from pywasm_runtime.functions.errors import FunctionError


@dataclass(kw_only=True)
class Queue:
    """A queue and what empties it: one call for each look that is taken while a runner is open."""

    calls: int
    late: int = 0
    opened: int = 0
    drained: int = 0
    open_now: int = 0
    log: list[str] = field(default_factory=list)

    async def count(self) -> int:
        if self.open_now and self.calls > 0:
            self.calls -= 1
        return self.calls

    async def drain(self, timeout: float) -> None:
        self.drained += 1
        self.calls, self.late = self.calls + self.late, 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Queue]:
        self.opened += 1
        self.open_now += 1
        try:
            yield self
        finally:
            self.open_now -= 1


def run(queue: Queue, max_seconds: float = 60.0) -> None:
    asyncio.run(background.run_until_empty(queue.open, queue.count, max_seconds=max_seconds, look_seconds=0.001))


def test_it_ends_when_none_is_left() -> None:
    queue = Queue(calls=5)
    run(queue)
    assert (queue.calls, queue.opened, queue.drained, queue.open_now) == (0, 1, 1, 0)


def test_nothing_to_do() -> None:
    queue = Queue(calls=0)
    run(queue)
    assert queue.opened == 0


def test_a_call_that_came_while_it_was_about_to_end_is_run_too() -> None:
    queue = Queue(calls=2, late=3)
    run(queue)
    assert (queue.calls, queue.opened) == (0, 2)


def test_it_does_not_run_for_ever() -> None:
    queue = Queue(calls=1 << 60)
    run(queue, max_seconds=0.05)
    assert (queue.opened, queue.drained) == (1, 1)


def test_a_process_that_cannot_start_is_said(tmp_path: Path) -> None:
    data = open_data_folder(tmp_path / "data")
    data.path.chmod(0o777)  # what the process itself refuses
    with pytest.raises(FunctionError, match=r"could not be started; its messages are in .*background\.log"):
        background.start(data)
    (line,) = data.log.read_text().splitlines()
    assert "others may write in the data folder" in line


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    data = open_data_folder(tmp_path / "data")
    data.log.parent.mkdir()
    data.log.write_bytes(b"x" * (background.MAX_LOG_BYTES + 1))
    data.path.chmod(0o777)
    with pytest.raises(FunctionError):
        background.start(data)
    assert data.log.stat().st_size < background.MAX_LOG_BYTES


def test_the_process_ends_by_itself(tmp_path: Path) -> None:
    data = open_data_folder(tmp_path / "data")
    background.start(data)
    end = time.monotonic() + 60
    while not data.log.read_text().endswith(": ends\n") and time.monotonic() < end:
        time.sleep(0.02)
    assert [line.partition(": ")[2] for line in data.log.read_text().splitlines()] == ["runs the queued calls", "ends"]
