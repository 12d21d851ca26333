"""Calls through real processes: outcomes, chains, limits. The sandboxes are fakes that run Python bodies."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pywasm_runtime.functions.errors import Busy, FunctionError, NotFound
from pywasm_runtime.functions.model import Call, CallState, Failure, Limits, Outcome
from pywasm_runtime.functions.supervisor import Statistics, Supervisor
from tests.unit.supervised import invoke, outcome_of, request, stored, submit, supervise, upload

SHORT = Limits(wall_seconds=0.3, cpu_seconds=0.3)


def one(folder: Path, entry: str, content: bytes = b"") -> Outcome:
    return supervise(folder, lambda supervisor: invoke(supervisor, entry, content), slots=1)


def test_a_call_has_its_bytes_exactly(tmp_path: Path) -> None:
    upload(tmp_path)
    content = bytes(range(256)) * 5000
    outcome = one(tmp_path, "echo", content)
    assert (outcome.status, outcome.failure, outcome.output) == (0, Failure.NONE, content)
    assert outcome.stderr == b"printed\n"
    assert outcome.memory_bytes > 0
    assert outcome.seconds > 0


def test_what_a_call_knows_of_itself(tmp_path: Path) -> None:
    version = upload(tmp_path)
    found = json.loads(one(tmp_path, "information").output)
    assert len(found.pop("id")) == 32
    assert found.pop("deadline") > version.created
    assert found == {
        "user": "someone",
        "function": "f",
        "version": 1,
        "entry": "information",
        "depth": 0,
        "attempt": 1,
        "module": "f",
        "preload": [],
        "environment": {},
    }


def test_a_status_keeps_the_output_and_logs(tmp_path: Path) -> None:
    upload(tmp_path)
    outcome = one(tmp_path, "fail")
    assert (outcome.status, outcome.failure, outcome.output) == (3, Failure.STATUS, b"kept")
    assert outcome.stderr == b"printed\nINFO about to fail\n"


def test_the_outcome_is_in_the_storage(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> Call:
        call = await supervisor.submit(request("echo", b"\0kept"))
        return await supervisor.run(call.id)

    ended = supervise(tmp_path, body)
    kept = stored(tmp_path, ended.id)
    assert (kept.state, kept.outcome) == (CallState.SUCCEEDED, ended.outcome)


def test_an_ended_call_is_given_again_and_an_unknown_one_not_found(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[Call, Call]:
        with pytest.raises(NotFound):
            await supervisor.run("0" * 32)
        call = await supervisor.submit(request("echo", b"x"))
        return await supervisor.run(call.id), await supervisor.run(call.id)

    first, second = supervise(tmp_path, body)
    assert outcome_of(first) == outcome_of(second)


def test_many_wait_for_one_call(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> list[Call]:
        call = await supervisor.submit(request("sleep", b"0.05"))
        return await asyncio.gather(*(supervisor.run(call.id) for _ in range(20)))

    assert len({call.id for call in supervise(tmp_path, body)}) == 1


def test_too_much_output_ends_the_call(tmp_path: Path) -> None:
    upload(tmp_path, limits=Limits(output_bytes=1000))

    async def body(supervisor: Supervisor) -> list[Outcome]:
        return [await invoke(supervisor, "flood", size) for size in (b"1000", b"1001", b"1")]

    outcomes = supervise(tmp_path, body)
    assert [outcome.failure for outcome in outcomes] == [Failure.NONE, Failure.OUTPUT, Failure.NONE]
    assert "1001 bytes" in outcomes[1].error
    assert outcomes[1].output == b""


@pytest.mark.parametrize("depth", [1, 16])
def test_recursion_with_one_slot(tmp_path: Path, depth: int) -> None:
    upload(tmp_path, limits=Limits(instances=1))
    outcome = one(tmp_path, "recurse", b"%d" % depth)
    assert outcome.output == b"%d" % (depth * (depth + 1) // 2)


def test_wide_and_deep_trees_with_one_slot(tmp_path: Path) -> None:
    upload(tmp_path)
    assert one(tmp_path, "tree", b"2 8").output == b"73"
    assert one(tmp_path, "fan", b"100").output == b" ".join(b"%d" % number for number in range(100))


def test_many_trees_at_once(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> tuple[list[Outcome], Statistics]:
        outcomes = await asyncio.gather(*(invoke(supervisor, "tree", b"3 2") for _ in range(12)))
        return outcomes, supervisor.statistics()

    outcomes, statistics = supervise(tmp_path, body)
    assert {outcome.output for outcome in outcomes} == {b"15"}
    assert (statistics.running, statistics.waiting, statistics.queued) == (0, 0, 0)
    assert statistics.ended == {"": 12 * 15}
    assert len(statistics.workers) < 20


@pytest.mark.parametrize(
    ("limits", "entry", "content", "words"),
    [
        (Limits(chain_depth=3), "recurse", b"4", "depth 3"),
        (Limits(children=5), "chain_many", b"6", "5 calls"),
        (Limits(), "chain_named", b"other noop", "other"),
        (Limits(), "chain_named", b"another/f noop", "another user"),
        (Limits(), "chain_named", b"../f noop", "not accepted"),
        (Limits(), "chain_named", b"f class", "'class' cannot be an entry"),
    ],
)
def test_chains_that_are_refused(tmp_path: Path, limits: Limits, entry: str, content: bytes, words: str) -> None:
    upload(tmp_path, limits=limits)
    outcome = one(tmp_path, entry, content)
    assert outcome.failure == Failure.EXCEPTION
    assert words in outcome.error + outcome.traceback


def test_a_chained_call_of_another_function(tmp_path: Path) -> None:
    upload(tmp_path)
    upload(tmp_path, "g")

    async def body(supervisor: Supervisor) -> list[bytes]:
        names = [b"g fail", b"someone/g noop", b"someone/f noop"]
        return [(await invoke(supervisor, "chain_named", name)).output for name in names]

    endings = [json.loads(output) for output in supervise(tmp_path, body)]
    assert [ending["status"] for ending in endings] == [3, 0, 0]
    assert endings[0]["failure"] == "status"


def test_the_output_of_a_failed_child_is_an_error_with_its_words(tmp_path: Path) -> None:
    upload(tmp_path)
    outcome = one(tmp_path, "chain_output", b"fail")
    assert outcome.failure == Failure.EXCEPTION
    assert "CallFailed" in outcome.error
    assert "status 3" in outcome.traceback


def test_children_go_on_with_the_version_of_their_parent(tmp_path: Path) -> None:
    upload(tmp_path, source=b"first = 1\n")

    async def body(supervisor: Supervisor) -> Outcome:
        call = await supervisor.submit(request("chain_sleep", b"0.3"))
        upload(tmp_path, source=b"second = 2\n")
        newer = await supervisor.submit(request("information"))
        assert newer.version == 2
        await supervisor.run(newer.id)
        await supervisor.run(call.id)
        return outcome_of(await supervisor.run(f"{call.id}.0"))

    supervise(tmp_path, body)
    with_versions = [call.version for call in recent(tmp_path) if call.depth]
    assert with_versions == [1]


def recent(folder: Path) -> list[Call]:
    from pywasm_runtime.storage import Storage

    with Storage(folder) as storage:
        return storage.calls.recent(None, 100)


@pytest.mark.parametrize("entry", ["sleep", "spin"])
def test_a_guest_is_told_that_its_time_is_over(tmp_path: Path, entry: str) -> None:
    limits = SHORT if entry == "sleep" else Limits(wall_seconds=30, cpu_seconds=0.3)
    upload(tmp_path, limits=limits)
    outcome = one(tmp_path, entry, b"60")
    assert outcome.failure == (Failure.WALL_TIME if entry == "sleep" else Failure.CPU_TIME)
    assert "0.3 s" in outcome.error
    assert "DeadlineExceeded" in outcome.traceback


def test_wall_time_runs_on_while_a_call_awaits_another(tmp_path: Path) -> None:
    upload(tmp_path, limits=Limits(wall_seconds=0.5))
    upload(tmp_path, "slow")

    async def body(supervisor: Supervisor) -> tuple[Outcome, float]:
        start = asyncio.get_running_loop().time()
        outcome = await invoke(supervisor, "chain_named", b"slow stubborn_for_a_while")
        return outcome, asyncio.get_running_loop().time() - start

    outcome, seconds = supervise(tmp_path, body)
    assert outcome.failure == Failure.WALL_TIME
    assert seconds < 10


def test_a_guest_that_does_not_listen_is_ended_with_its_worker(tmp_path: Path) -> None:
    upload(tmp_path, limits=SHORT)

    async def body(supervisor: Supervisor) -> tuple[Outcome, Outcome, Statistics]:
        ended, other = await asyncio.gather(invoke(supervisor, "stubborn"), invoke(supervisor, "echo", b"unharmed"))
        return ended, other, supervisor.statistics()

    ended, other, statistics = supervise(tmp_path, body)
    assert (ended.failure, ended.stderr) == (Failure.WALL_TIME, b"INFO on and on\n")
    assert 1.2 < ended.seconds < 10
    assert other.output == b"unharmed"
    assert statistics.attempts_lost == 0


def test_a_worker_that_does_not_even_watch_is_killed(tmp_path: Path) -> None:
    upload(tmp_path, limits=SHORT)
    outcome = one(tmp_path, "frozen")
    assert outcome.failure == Failure.WALL_TIME
    assert "ended with its process" in outcome.error


def test_tmp_is_empty_for_each_call(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> list[bytes]:
        return [(await invoke(supervisor, "leave_file")).output for _ in range(4)]

    assert supervise(tmp_path, body, slots=1) == [b"[]"] * 4


def test_tmp_has_a_quota(tmp_path: Path) -> None:
    upload(tmp_path, limits=Limits(tmp_files=50, wall_seconds=10))
    outcome = one(tmp_path, "fill_tmp", b"10000")
    assert outcome.failure in (Failure.EXCEPTION, Failure.OUTPUT)  # of the system, or of the watchdog
    assert "No space left" in outcome.error or "50 files" in outcome.error


def test_a_defect_of_ours_is_said_to_be_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    upload(tmp_path)
    outcome = one(tmp_path, "defect")
    assert (outcome.failure, outcome.traceback) == (Failure.INTERNAL, "")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_slot_is_free_again_after_every_kind_of_end(tmp_path: Path) -> None:
    upload(tmp_path, limits=Limits(wall_seconds=0.3, output_bytes=10))

    async def body(supervisor: Supervisor) -> tuple[Outcome, Statistics]:
        for entry, content in (("fail", b""), ("flood", b"11"), ("sleep", b"9"), ("stubborn", b""), ("die", b"")):
            await invoke(supervisor, entry, content)
        return await invoke(supervisor, "echo", b"still"), supervisor.statistics()

    outcome, statistics = supervise(tmp_path, body, slots=1)
    assert outcome.output == b"still"
    assert (statistics.running, statistics.waiting) == (0, 0)
    assert statistics.ended["worker"] == 1


def test_locks_wait_without_a_slot(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> list[Outcome]:
        names = [b"%d" % number for number in range(8)]
        return await asyncio.gather(*(invoke(supervisor, "lock_and_chain", name) for name in names))

    outcomes = supervise(tmp_path, body, slots=1)
    assert [outcome.output for outcome in outcomes] == [b"%d" % number for number in range(8)]


def test_a_lock_lets_calls_count_exactly(tmp_path: Path) -> None:
    from pywasm_runtime.storage import Storage

    upload(tmp_path)
    with Storage(tmp_path) as storage:
        storage.state.write("someone", "number", b"0", limit=1000)

    async def body(supervisor: Supervisor) -> None:
        outcomes = await asyncio.gather(*(invoke(supervisor, "add_one") for _ in range(15)))
        assert {outcome.failure for outcome in outcomes} == {Failure.NONE}, outcomes

    supervise(tmp_path, body)
    with Storage(tmp_path) as storage:
        assert storage.state.read("someone", "number") == b"15"


def test_a_call_that_ends_loses_its_locks(tmp_path: Path) -> None:
    upload(tmp_path, limits=Limits(wall_seconds=5))

    async def body(supervisor: Supervisor) -> list[bytes]:
        holder = await supervisor.submit(request("hold_lock", b"0.5"))
        await asyncio.sleep(0.2)
        refused = await invoke(supervisor, "try_lock", b"0")
        await supervisor.run(holder.id)
        return [refused.output, (await invoke(supervisor, "try_lock", b"0")).output]

    assert supervise(tmp_path, body) == [b"0", b"1"]


def test_a_queue_has_an_end(tmp_path: Path) -> None:
    upload(tmp_path)

    async def body(supervisor: Supervisor) -> None:
        for _ in range(3):
            await supervisor.submit(request("sleep", b"0.3"), queue_limit=2)
        with pytest.raises(Busy):
            await supervisor.submit(request("noop"), queue_limit=2)

    supervise(tmp_path, body, slots=1)


def test_instances_are_limited(tmp_path: Path) -> None:
    upload(tmp_path, limits=Limits(instances=1))

    async def body(supervisor: Supervisor) -> int:
        calls = asyncio.gather(*(invoke(supervisor, "sleep", b"0.03") for _ in range(5)))
        most = 0
        while not calls.done():
            most = max(most, supervisor.statistics().running)
            await asyncio.sleep(0.005)
        return most

    assert supervise(tmp_path, body, slots=4) == 1


def test_images_are_made_in_a_worker_of_their_own(tmp_path: Path) -> None:
    good, wrong, deadly, slow = (
        upload(tmp_path, source=source) for source in (b"good\n", b"wrong\n", b"die\n", b"hang\n")
    )

    async def body(supervisor: Supervisor) -> None:
        report = await supervisor.make_image(good)
        assert ("echo" in report.entries, report.error) == (True, "")
        report = await supervisor.make_image(wrong)
        assert (report.error, report.traceback) == ("SyntaxError", "Traceback \\udcff")
        assert "killed by signal 9" in (await supervisor.make_image(deadly)).error
        assert "limit of 0.5 s" in (await supervisor.make_image(slow)).error
        assert (await invoke(supervisor, "echo", b"x")).output == b"x"

    supervise(tmp_path, body, image_seconds=0.5)


def test_damaged_code_is_unpacked_again(tmp_path: Path) -> None:
    version = upload(tmp_path)
    assert one(tmp_path, "noop").failure == Failure.NONE
    path = tmp_path / "code" / version.digest / "f.py"
    path.chmod(0o600)
    path.write_bytes(b"not what was uploaded")
    assert one(tmp_path, "noop").failure == Failure.NONE
    assert path.read_bytes() == b"x = 1\n"


def test_sandboxes_are_kept_ready(tmp_path: Path) -> None:
    version = upload(tmp_path)

    async def body(supervisor: Supervisor) -> None:
        await supervisor.keep_ready(version, 50)
        assert supervisor.statistics().ready >= 50
        await asyncio.gather(*(invoke(supervisor, "noop") for _ in range(20)))
        await supervisor.keep_ready(version, 50)
        assert supervisor.statistics().ready >= 50
        await supervisor.keep_ready(version, 0)
        while supervisor.statistics().ready > 10:
            await asyncio.sleep(0.01)

    supervise(tmp_path, body)


def test_what_others_accepted_is_run_too(tmp_path: Path) -> None:
    upload(tmp_path)
    before = submit(tmp_path, "echo", b"before")

    async def body(supervisor: Supervisor) -> list[Outcome]:
        during, noticed = submit(tmp_path, "echo", b"during"), submit(tmp_path, "echo", b"noticed")
        supervisor.notice(noticed.id)
        return [outcome_of(await supervisor.run(call.id)) for call in (before, during, noticed)]

    assert [outcome.output for outcome in supervise(tmp_path, body)] == [b"before", b"during", b"noticed"]


def test_without_adoption_only_what_is_asked_for_is_run(tmp_path: Path) -> None:
    upload(tmp_path)
    left, asked = submit(tmp_path, "noop"), submit(tmp_path, "noop")

    async def body(supervisor: Supervisor) -> None:
        await supervisor.run(asked.id)
        await asyncio.sleep(0.2)

    supervise(tmp_path, body, adopt=False)
    assert stored(tmp_path, left.id).state == CallState.QUEUED


def test_a_start_that_cannot_be_says_why(tmp_path: Path) -> None:
    async def body(supervisor: Supervisor) -> None:
        raise AssertionError("it has started")

    with pytest.raises(FunctionError, match="the image is damaged"):
        supervise(tmp_path, body, factory="fake_sandboxes:BrokenSandboxes")
