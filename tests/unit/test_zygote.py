"""The process that forks workers, spoken to directly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pywasm_runtime.functions.errors import FunctionError
from pywasm_runtime.functions.frames import Channel, Frame
from pywasm_runtime.functions.zygote_process import ZygoteProcess
from tests.unit.supervised import HERE, until

Deaths = list[tuple[int, int]]


def zygote_settings(folder: Path, factory: str = "FakeSandboxes") -> dict[str, Any]:
    return {
        "factory": f"fake_sandboxes:{factory}",
        "python_path": [HERE],
        "sandbox": {},
        "folders": {name: str(folder) for name in ("code", "storage", "local_state")},
        "scratch": str(folder),
    }


def with_zygote(
    folder: Path, body: Callable[[ZygoteProcess, Deaths], Awaitable[None]], factory: str = "FakeSandboxes"
) -> list[ZygoteProcess]:
    deaths: Deaths = []
    ended: list[ZygoteProcess] = []

    async def go() -> None:
        zygote = ZygoteProcess(
            zygote_settings(folder, factory),
            on_worker_death=lambda pid, status: deaths.append((pid, status)),
            on_end=ended.append,
        )
        try:
            async with asyncio.timeout(60):
                await zygote.start()
                await body(zygote, deaths)
        finally:
            zygote.close()

    asyncio.run(go())
    return ended


def test_workers_end_with_their_connection(tmp_path: Path) -> None:
    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        first, connection = await zygote.fork("a")
        second, other = await zygote.fork("b")
        connection.close()
        await until(lambda: deaths == [(first, 0)])
        other.close()
        await until(lambda: deaths == [(first, 0), (second, 0)])

    assert len(with_zygote(tmp_path, body)) == 1


def test_a_worker_is_killed_on_request_and_nobody_else(tmp_path: Path) -> None:
    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        pid, connection = await zygote.fork("a")
        with connection:
            zygote.kill(os.getpid())  # not a child of the zygote
            zygote.kill(pid)
            await until(lambda: deaths == [(pid, -signal.SIGKILL)])
            zygote.kill(pid)
            other, another = await zygote.fork("b")
            another.close()
            assert other != pid

    with_zygote(tmp_path, body)


def test_a_worker_has_no_descriptors_of_others(tmp_path: Path) -> None:
    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        connections: list[socket.socket] = []
        pids = []
        for number in range(5):
            pid, connection = await zygote.fork(f"w{number}")
            pids.append(pid)
            connections.append(connection)

        def sockets() -> list[str]:
            links = [str(path.readlink()) for pid in pids for path in Path(f"/proc/{pid}/fd").iterdir()]
            return [link for link in links if link.startswith("socket:")]

        await until(lambda: len(sockets()) == len(set(sockets())) == 5)  # a fresh one has some of the zygote's
        for connection in connections:
            connection.close()

    if Path("/proc/self/fd").exists():
        with_zygote(tmp_path, body)


def test_a_worker_survives_unknown_orders_and_ends_on_nonsense(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        pid, connection = await zygote.fork("a")
        with connection:
            connection.setblocking(True)
            Channel(connection).send(Frame(kind="unheard of"))
            connection.sendall(b"\xff" * 100)
            await until(lambda: deaths == [(pid, 1)])

    with_zygote(tmp_path, body)
    assert "FrameError" in capfd.readouterr().err


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        raise AssertionError("it has started")

    with pytest.raises(FunctionError, match="the image is damaged"):
        with_zygote(tmp_path, body, "BrokenSandboxes")
    with pytest.raises(FunctionError, match="ended"):
        with_zygote(tmp_path, body, "NoSuchSandboxes")


def test_threads_that_warming_up_left_are_not_there_when_it_forks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_COMPILED", str(tmp_path / "compiled"))

    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        assert (tmp_path / "compiled").exists()
        tasks = Path(f"/proc/{zygote.pid}/task")
        assert not tasks.exists() or len(list(tasks.iterdir())) == 1
        _, connection = await zygote.fork("a")
        connection.close()
        await until(lambda: len(deaths) == 1)

    with_zygote(tmp_path, body, "ThreadedSandboxes")


def test_its_end_is_noticed(tmp_path: Path) -> None:
    async def body(zygote: ZygoteProcess, deaths: Deaths) -> None:
        os.kill(zygote.pid, signal.SIGKILL)
        with pytest.raises(FunctionError):
            while True:
                _, connection = await zygote.fork("late")
                connection.close()

    assert len(with_zygote(tmp_path, body)) == 1
