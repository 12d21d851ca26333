"""What dies under a supervisor: workers, the zygote, the supervisor itself, the disk. No accepted call is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pywasm_runtime.functions.model import Call, CallState, Failure, Limits, Outcome
from pywasm_runtime.functions.supervisor import Statistics, Supervisor
from pywasm_runtime.storage import Storage, StorageThread
from tests.unit.supervised import (
    HERE,
    USER,
    invoke,
    outcome_of,
    request,
    settings,
    stored,
    submit,
    supervise,
    until,
    upload,
)


def worker_of(supervisor: Supervisor, call_id: str) -> int:
    found = [worker.pid for worker in supervisor.statistics().workers if worker.call_id == call_id]
    return found[0] if found else 0


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        # What has ended and waits for its parent still has a number.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_killed_worker_loses_no_call_and_takes_no_other_with_it(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[Call, Call, Statistics]:
        hit = await supervisor.submit(request("sleep", b"0.4"))
        other = await supervisor.submit(request("sleep", b"0.4"))
        await until(lambda: worker_of(supervisor, hit.id) != 0)
        os.kill(worker_of(supervisor, hit.id), signal.SIGKILL)
        ended = await supervisor.run(hit.id), await supervisor.run(other.id)
        return *ended, supervisor.statistics()

    hit, other, statistics = supervise(tmp_path, body)
    assert (hit.state, stored(tmp_path, hit.id).attempt) == (CallState.SUCCEEDED, 2)
    assert (other.state, stored(tmp_path, other.id).attempt) == (CallState.SUCCEEDED, 1)
    assert (statistics.attempts_lost, statistics.restarts) == (1, 1)


def test_an_aborted_worker_is_replaced(tmp_path: Path) -> None:
    upload(tmp_path)
    outcome = supervise(tmp_path, lambda supervisor: invoke(supervisor, "die_once"), slots=1)
    assert outcome.output == b"the second time"


def test_a_call_that_kills_each_worker_fails_in_the_end(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[Outcome, Outcome]:
        return await invoke(supervisor, "die"), await invoke(supervisor, "echo", b"fine")

    died, fine = supervise(tmp_path, body, slots=1)
    assert (died.failure, fine.output) == (Failure.WORKER, b"fine")
    assert "3 times" in died.error
    assert "signal 9" in died.error


def test_a_parent_that_is_begun_again_finds_its_children(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[Outcome, Outcome]:
        return await invoke(supervisor, "fan_and_die_once"), await invoke(supervisor, "counted")

    parent, counted = supervise(tmp_path, body)
    assert [name.rpartition(b".")[2] for name in parent.output.split()] == [b"0", b"1", b"2"]
    assert counted.output == 3 * (b"\x01\0\0\0" + b"x")  # none of them ran twice


def test_a_waiting_parent_whose_worker_is_killed_is_begun_again(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> Call:
        call = await supervisor.submit(request("chain_sleep", b"0.4"))
        await until(lambda: supervisor.statistics().waiting == 1)
        os.kill(worker_of(supervisor, call.id), signal.SIGKILL)
        return await supervisor.run(call.id)

    assert supervise(tmp_path, body, slots=1).state == CallState.SUCCEEDED


def test_an_idle_worker_that_dies_is_not_missed(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> Outcome:
        for worker in supervisor.statistics().workers:
            os.kill(worker.pid, signal.SIGKILL)
        return await invoke(supervisor, "echo", b"x")

    assert supervise(tmp_path, body).output == b"x"


def zygote_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="finds the zygote in /proc")
def test_a_zygote_that_dies_is_started_anew(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[Call, Call]:
        hit = await supervisor.submit(request("sleep", b"0.3"))
        await until(lambda: worker_of(supervisor, hit.id) != 0)
        before = {worker.pid for worker in supervisor.statistics().workers}
        os.kill(zygote_of(min(before)), signal.SIGKILL)
        ended = await supervisor.run(hit.id)
        assert not any(map(is_alive, before))
        again = await supervisor.submit(request("echo"))
        return ended, await supervisor.run(again.id)

    first, second = supervise(tmp_path, body)
    assert (first.state, second.state) == (CallState.SUCCEEDED, CallState.SUCCEEDED)


_SERVER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from tests.unit.supervised import request, settings
from pywasm_runtime.functions.supervisor import Supervisor

async def serve():
    async with Supervisor(settings(Path(sys.argv[1]))) as supervisor:
        running = await supervisor.submit(request("sleep", b"1"))
        queued = [await supervisor.submit(request("sleep", b"0.2")) for _ in range(4)]
        while supervisor.statistics().running < 2:
            await asyncio.sleep(0.01)
        print(*(worker.pid for worker in supervisor.statistics().workers), flush=True)
        print(running.id, *(call.id for call in queued), flush=True)
        await asyncio.sleep(60)

asyncio.run(serve())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_server_leaves_no_process_and_loses_no_call(tmp_path: Path) -> None:
    upload(tmp_path)
    root = str(Path(HERE).parents[1])
    command = [sys.executable, "-c", _SERVER, str(tmp_path), root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        ids = server.stdout.readline().split()
        server.kill()
    assert (len(pids), len(ids)) == (2, 5)
    end = time.monotonic() + 20
    while any(map(is_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.01)

    async def body(supervisor: Supervisor) -> list[Call]:
        return [await supervisor.run(call_id) for call_id in ids]

    assert {call.state for call in supervise(tmp_path, body)} == {CallState.SUCCEEDED}


def test_what_runs_when_a_supervisor_closes_is_given_back(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> list[str]:
        calls = [await supervisor.submit(request("sleep", b"30")) for _ in range(4)]
        await until(lambda: supervisor.statistics().running == 2)
        return [call.id for call in calls]

    ids = supervise(tmp_path, body)
    assert {stored(tmp_path, call_id).state for call_id in ids} == {CallState.QUEUED}


def test_who_waits_when_a_supervisor_closes_is_told(tmp_path: Path) -> None:
    upload(tmp_path)
    waiting: list[asyncio.Task[Call]] = []

    async def go() -> BaseException | None:
        async with Supervisor(settings(tmp_path)) as supervisor:
            call = await supervisor.submit(request("sleep", b"30"))
            waiting.append(asyncio.create_task(supervisor.run(call.id)))
            await until(lambda: supervisor.statistics().running == 1)
        await asyncio.wait(waiting)
        return waiting[0].exception()

    assert "not finished here" in str(asyncio.run(go()))


def test_draining_ends_what_runs_and_leaves_the_queue(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[str, str, str]:
        parent = await supervisor.submit(request("chain_sleep", b"0.2"))
        awaited = await supervisor.submit(request("echo"))
        waiting = asyncio.create_task(supervisor.run(awaited.id))
        await asyncio.sleep(0.01)
        left = await supervisor.submit(request("echo"))
        await supervisor.drain(30)
        assert (await waiting).state == CallState.SUCCEEDED
        supervisor.notice(left.id)
        await asyncio.sleep(0.1)
        return parent.id, awaited.id, left.id

    parent, awaited, left = supervise(tmp_path, body, slots=1)
    states = [stored(tmp_path, call_id).state for call_id in (parent, awaited, left)]
    assert states == [CallState.SUCCEEDED, CallState.SUCCEEDED, CallState.QUEUED]


def test_draining_has_an_end(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> None:
        await supervisor.submit(request("sleep", b"50"))
        await until(lambda: supervisor.statistics().running == 1)
        await supervisor.drain(0.1)

    supervise(tmp_path, body)


def test_two_supervisors_share_the_calls_of_one_folder(tmp_path: Path) -> None:
    upload(tmp_path)

    async def go() -> tuple[list[Call], list[int]]:
        chosen = settings(tmp_path, slots=1)
        async with asyncio.timeout(60), Supervisor(chosen) as first, Supervisor(chosen) as second:
            calls = [submit(tmp_path, "sleep", b"0.05") for _ in range(10)]
            for call in calls:
                first.notice(call.id)
                second.notice(call.id)
            ended = await asyncio.gather(*(first.run(call.id) for call in calls))
            await asyncio.gather(*(second.run(call.id) for call in calls))
            return ended, [sum(one.statistics().ended.values()) for one in (first, second)]

    ended, counts = asyncio.run(go())
    assert {stored(tmp_path, call.id).attempt for call in ended} == {1}
    assert sum(counts) == 10
    assert min(counts) > 0


def test_a_call_of_a_dead_server_is_begun_again_when_its_lease_ends(tmp_path: Path) -> None:
    upload(tmp_path)
    call = submit(tmp_path, "echo", b"left")
    with Storage(tmp_path) as storage:
        assert storage.calls.claim("dead", call.id, 0.5) is not None
    ended = supervise(tmp_path, lambda supervisor: supervisor.run(call.id), adopt=False)
    assert (ended.attempt, outcome_of(ended).output) == (2, b"left")


def test_a_call_whose_function_is_gone_is_refused(tmp_path: Path) -> None:
    upload(tmp_path)
    call = submit(tmp_path, "echo")
    with contextlib.closing(sqlite3.connect(tmp_path / "pywasm.sqlite")) as database, database:
        database.execute("UPDATE calls SET version = 7")
    ended = supervise(tmp_path, lambda supervisor: supervisor.run(call.id))
    assert outcome_of(ended).failure == Failure.REFUSED
    assert "version 7" in outcome_of(ended).error


def test_a_full_disk_costs_nobody_the_outcome(tmp_path: Path) -> None:
    upload(tmp_path)

    async def go() -> Call:
        with StorageThread(tmp_path) as storage:
            async with asyncio.timeout(60), Supervisor(settings(tmp_path), storage) as supervisor:
                call = await supervisor.submit(request("flood", b"5000000"))

                def fill(opened: Storage) -> None:
                    opened._database.execute("PRAGMA max_page_count = 1")

                await storage.run(fill)
                ended = await supervisor.run(call.id)
                await storage.run(lambda opened: opened._database.execute("PRAGMA max_page_count = 1000000"))
                await until(lambda: stored(tmp_path, call.id).outcome is not None)
                return ended

    ended = asyncio.run(go())
    assert len(outcome_of(ended).output) == 5_000_000
    assert stored(tmp_path, ended.id).outcome == ended.outcome


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_nothing_grows_with_the_number_of_calls(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> None:
        async def measure() -> tuple[int, bytes, int]:
            inside = (await invoke(supervisor, "descriptors")).output
            return descriptors(), inside, len(asyncio.all_tasks())

        await invoke(supervisor, "fan", b"3")
        await invoke(supervisor, "count")
        before = await measure()
        for _ in range(50):
            await asyncio.gather(*(invoke(supervisor, "echo", b"x") for _ in range(10)))
        await invoke(supervisor, "counted")
        after = await measure()
        for _ in range(50):  # a connection may just be about to be closed
            if after == before:
                break
            await asyncio.sleep(0.1)
            after = await measure()
        assert after == before
        dispatcher = supervisor._dispatcher
        await asyncio.sleep(0.01)
        assert not (dispatcher.entries or dispatcher.runs or dispatcher.endings.ids() or dispatcher._tasks)

    supervise(tmp_path, body, slots=1)


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_workers_that_die_leave_nothing_behind(tmp_path: Path) -> None:
    upload(tmp_path)
    start = descriptors()

    async def body(supervisor: Supervisor) -> None:
        await invoke(supervisor, "die")
        before = descriptors()
        for _ in range(5):
            await invoke(supervisor, "die")
        assert descriptors() <= before

    supervise(tmp_path, body, slots=1)
    assert descriptors() <= start


def test_idle_workers_end(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> None:
        assert (await invoke(supervisor, "recurse", b"10")).failure == Failure.NONE
        assert len(supervisor.statistics().workers) > 5
        await until(lambda: len(supervisor.statistics().workers) == 3)
        assert supervisor.statistics().restarts == 0

    supervise(tmp_path, body, slots=1, idle_seconds=0.1)


def test_a_locked_key_outlives_its_lease_while_the_call_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pywasm_runtime.functions import dispatcher, supervisor

    monkeypatch.setattr(dispatcher, "LOCK_LEASE_SECONDS", 30.0)
    monkeypatch.setattr(supervisor, "_RENEW_SECONDS", 0.05)
    monkeypatch.setattr(supervisor, "_LOOK_SECONDS", 0.05)
    upload(tmp_path, limits=Limits(wall_seconds=10))

    async def body(running: Supervisor) -> None:
        holder = await running.submit(request("hold_lock", b"1"))

        def lease() -> float:
            with contextlib.closing(sqlite3.connect(tmp_path / "pywasm.sqlite")) as database:
                row = database.execute("SELECT expires FROM locks WHERE user = ?", (USER,)).fetchone()
            return float(row[0]) - time.time() if row else 0.0

        await until(lambda: lease() > 15)
        await running.run(holder.id)
        assert lease() == 0

    supervise(tmp_path, body)
