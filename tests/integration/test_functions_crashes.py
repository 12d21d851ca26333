"""Processes that are killed, a server that is killed, a disk that is full: no accepted call is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.model import CallState, Failure, FunctionVersion
from tests.integration.chain import TIMEOUT, Chain
from tests.integration.full_disk import CANNOT_MOUNT
from tests.integration.functions import CHECKOUT, USER, Functions, running_functions
from tests.integration.served import Served, serving
from tests.integration.waiting import begin, end, outcome, output_of, parent_of, processes_with, until, worker_of

FRAGILE = """
import time, pywasm_host as host

def note(text):
    host.append_state("events", text.encode())

def wait_for(text):
    while text.encode() not in host.read_appended("events"): time.sleep(0.01)

def once(content):
    note(f"{content.decode()} attempt {host.attempt()}")
    if host.attempt() == 1: wait_for("never")
    host.write_output(b"survived")

def steady(content):
    note(f"{content.decode()} attempt {host.attempt()}")
    wait_for(f"release {content.decode()}")
    host.write_output(b"steady")

def doomed(content):
    note(f"{content.decode()} attempt {host.attempt()}")
    wait_for("never")

def parent(content):
    calls = [host.chain(child, content + b" child %d" % number) for number in range(3)]
    outputs = [call.output() for call in calls]
    note(f"{content.decode()} parent {host.attempt()}")
    if host.attempt() == 1: wait_for("never")
    host.write_output(b", ".join(outputs))

def child(content):
    note(content.decode())
    host.write_output(content.split()[-1])

def early(content):
    call = host.chain(slow, content)
    note(f"{content.decode()} parent {host.attempt()}")
    host.write_output(call.output())

def slow(content):
    note(f"{content.decode()} slow {host.attempt()}")
    wait_for(f"release {content.decode()}")
    host.write_output(b"slow")

def release(content):
    note(f"release {content.decode()}")

def events(content):
    prefix = content.decode()
    host.write_output_json([one.decode() for one in host.read_appended("events") if one.startswith(content)])

def faasm_main(): host.write_output(host.read_input())
"""


@pytest.fixture(scope="module")
def fragile(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    """Run a service of its own, so that what is killed here is not missed elsewhere."""
    with running_functions(tmp_path_factory.mktemp("fragile"), slots=3) as functions:
        functions.upload("fragile", FRAGILE)
        yield functions


def events(functions: Functions, prefix: str) -> list[str]:
    """Give what calls noted that begins so."""
    found: list[str] = json.loads(functions.output("fragile", prefix.encode(), entry="events"))
    return found


def seen(functions: Functions, event: str) -> None:
    """Wait until a call has noted something."""
    until(lambda: event in events(functions, event))


def test_a_call_whose_worker_is_killed_is_run_again_and_others_go_on(fragile: Functions) -> None:
    other = begin(fragile, "fragile", b"other", entry="steady")
    killed = begin(fragile, "fragile", b"killed", entry="once")
    seen(fragile, "other attempt 1")
    seen(fragile, "killed attempt 1")
    before = fragile.service.statistics()
    os.kill(worker_of(fragile, killed), signal.SIGKILL)
    assert output_of(fragile, killed) == b"survived"
    assert end(fragile, killed).attempt == 2
    fragile.output("fragile", b"other", entry="release")
    assert output_of(fragile, other) == b"steady"
    assert (end(fragile, other).attempt, events(fragile, "other")) == (1, ["other attempt 1"])
    after = fragile.service.statistics()
    assert (after.attempts_lost, after.restarts) == (before.attempts_lost + 1, before.restarts + 1)


def test_a_call_that_loses_three_workers_fails(fragile: Functions) -> None:
    call_id = begin(fragile, "fragile", b"thrice", entry="doomed")
    for attempt in (1, 2, 3):
        seen(fragile, f"thrice attempt {attempt}")
        os.kill(worker_of(fragile, call_id), signal.SIGKILL)
    ended = outcome(end(fragile, call_id))
    assert (ended.failure, end(fragile, call_id).attempt) == (Failure.WORKER, 3)
    assert "3 times" in ended.error
    assert "signal 9" in ended.error
    assert events(fragile, "thrice") == [f"thrice attempt {attempt}" for attempt in (1, 2, 3)]


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGTERM])
def test_other_deaths_of_workers(fragile: Functions, number: signal.Signals) -> None:
    name = number.name.lower()
    call_id = begin(fragile, "fragile", name.encode(), entry="once")
    seen(fragile, f"{name} attempt 1")
    os.kill(worker_of(fragile, call_id), number)
    assert output_of(fragile, call_id) == b"survived"


def test_a_stopped_worker_holds_up_only_its_own_call(fragile: Functions) -> None:
    fragile.upload("frozen", FRAGILE, entry="doomed", wall_seconds=1.0)
    call_id = begin(fragile, "frozen", b"frozen")
    seen(fragile, "frozen attempt 1")
    pid = worker_of(fragile, call_id)
    os.kill(pid, signal.SIGSTOP)
    assert fragile.output("fragile", b"others go on") == b"others go on"
    ended = outcome(end(fragile, call_id))
    assert ended.failure is Failure.WALL_TIME
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_the_process_that_makes_workers_is_killed(fragile: Functions) -> None:
    calls = [begin(fragile, "fragile", b"zygote%d" % number, entry="once") for number in range(2)]
    for number in range(2):
        seen(fragile, f"zygote{number} attempt 1")
    workers = [status.pid for status in fragile.service.statistics().workers]
    zygote = parent_of(worker_of(fragile, calls[0]))
    assert zygote == parent_of(worker_of(fragile, calls[1])) != os.getpid()
    os.kill(zygote, signal.SIGKILL)
    assert [output_of(fragile, call_id) for call_id in calls] == [b"survived"] * 2
    assert fragile.output("fragile", b"after") == b"after"
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists() and parent_of(pid) == zygote]


def test_a_parent_that_is_begun_again_finds_what_its_children_gave(fragile: Functions) -> None:
    call_id = begin(fragile, "fragile", b"family", entry="parent")
    seen(fragile, "family parent 1")
    os.kill(worker_of(fragile, call_id), signal.SIGKILL)
    assert output_of(fragile, call_id) == b"0, 1, 2"
    assert sorted(events(fragile, "family")) == [
        *(f"family child {number}" for number in range(3)), "family parent 1", "family parent 2"
    ]  # fmt: skip


def test_a_parent_that_dies_while_its_child_runs(fragile: Functions) -> None:
    call_id = begin(fragile, "fragile", b"early", entry="early")
    seen(fragile, "early slow 1")
    os.kill(worker_of(fragile, call_id), signal.SIGKILL)
    seen(fragile, "early parent 2")
    fragile.output("fragile", b"early", entry="release")
    assert output_of(fragile, call_id) == b"slow"
    assert sorted(events(fragile, "early")) == ["early parent 1", "early parent 2", "early slow 1"]


def test_nothing_is_left_of_the_dead(fragile: Functions) -> None:
    assert fragile.output("fragile", b"x") == b"x"
    until(lambda: fragile.service.statistics().running == 0)
    now = fragile.service.statistics()
    assert (now.waiting, now.queued) == (0, 0)
    (scratch,) = [folder for folder in (fragile.folder / "workers").iterdir() if folder.is_dir()]

    def tidy() -> bool:
        return len(list(scratch.iterdir())) <= len(fragile.service.statistics().workers) + 1

    until(tidy)


def test_two_uploads_of_one_name_at_once(fragile: Functions) -> None:
    def archive(number: int) -> bytes:
        return pack_source(f"import pywasm_host as h\ndef faasm_main(): h.write_output(b'{number}')\n".encode(), "twin")

    async def both() -> list[FunctionVersion]:
        uploads = (fragile.service.upload(USER, "twin", archive(number)) for number in range(2))
        return await asyncio.gather(*uploads)

    versions = fragile.wait(both())
    assert sorted(version.version for version in versions) == [1, 2]
    for number, version in enumerate(versions):
        assert fragile.output("twin", version=version.version) == str(number).encode()
    newest = max(range(2), key=lambda number: versions[number].version)
    assert fragile.output("twin") == str(newest).encode()


def test_the_same_upload_twice_at_once(fragile: Functions) -> None:
    archive = pack_source(b"import pywasm_host as h\ndef faasm_main(): h.write_output(b'same')\n", "same")

    async def both() -> list[FunctionVersion]:
        return await asyncio.gather(*(fragile.service.upload(USER, "same", archive) for _ in range(3)))

    fragile.wait(both())
    assert fragile.output("same") == b"same"


SERVED = FRAGILE + textwrap.dedent("""
    def naps(content):
        time.sleep(float(content))
        note(f"napped {host.attempt()}")
        host.write_output(host.call_id().encode())
""")


def posted(server: Served, entry: str, content: bytes = b"") -> str:
    """Have a call accepted, and give its id."""
    with server.client() as client:
        answer = client.post(f"/v1/users/pywasm/functions/fragile/calls?entry={entry}", content=content)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])


def invoked(server: Served, entry: str, content: bytes = b"") -> bytes:
    """Call and wait."""
    with server.client() as client:
        answer = client.post(f"/v1/users/pywasm/functions/fragile/invoke?entry={entry}", content=content)
        assert answer.status_code == 200, answer.text
        return answer.content


def test_a_server_that_is_killed_loses_nothing(chain: Chain, tmp_path: Path) -> None:
    with serving(chain, tmp_path, slots=3) as server:
        with server.client() as client:
            answer = client.put("/v1/users/pywasm/functions/fragile", content=SERVED.encode())
            assert answer.status_code == 200, answer.text
        earlier = posted(server, "child", b"earlier 7")
        assert server.wait_for("pywasm", earlier).content == b"7"
        parent = posted(server, "parent", b"family")
        running = posted(server, "once", b"running")
        until(lambda: b"running attempt 1" in invoked(server, "events"))
        until(lambda: b"family parent 1" in invoked(server, "events"))
        invoked(server, "release", b"note")
        # More than can run at once: most are queued when the server dies.
        queued = [posted(server, "naps", b"0.05") for _ in range(30)]
        server.kill()
    until(lambda: not processes_with(str(tmp_path / "data")))
    with serving(chain, tmp_path, slots=3) as server:
        assert server.wait_for("pywasm", earlier).content == b"7", "it is still there"
        for call_id in queued:
            assert server.wait_for("pywasm", call_id).content == call_id.encode()
        assert server.wait_for("pywasm", running).content == b"survived"
        assert server.wait_for("pywasm", parent).content == b"0, 1, 2"
        noted = json.loads(invoked(server, "events"))
        assert sorted(one for one in noted if one.startswith("family")) == [
            *(f"family child {number}" for number in range(3)), "family parent 1", "family parent 2"
        ]  # fmt: skip
        assert sum(one.startswith("napped") for one in noted) >= len(queued)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(TIMEOUT) == 0
    until(lambda: not processes_with(str(tmp_path / "data")))


def test_a_server_that_ends_finishes_what_runs(chain: Chain, tmp_path: Path) -> None:
    with serving(chain, tmp_path) as server:
        with server.client() as client:
            client.put("/v1/users/pywasm/functions/fragile", content=SERVED.encode()).raise_for_status()
        call_id = posted(server, "naps", b"0.5")
        with server.client() as client:
            until(lambda: client.get(f"/v1/users/pywasm/calls/{call_id}").json()["state"] == "running")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(TIMEOUT) == 0
    with serving(chain, tmp_path) as server, server.client() as client:
        call = client.get(f"/v1/users/pywasm/calls/{call_id}").json()
        assert (call["state"], call["attempt"]) == (CallState.SUCCEEDED.value, 1)


def test_a_full_disk(chain: Chain, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.full_disk", str(tmp_path)]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if ended.returncode == CANNOT_MOUNT:
        pytest.skip("this process may not mount a small disk")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["before"] == ""
    for name in ("call", "upload", "keeps", "views", "write"):
        assert "full" in found[f"full {name}"] or "space" in found[f"full {name}"], found
    assert found["tight call"] == ""
    for name in ("keeps", "views"):
        assert found[f"tight {name}"].startswith("AssertionError: pywasm_host.errors.HostError: state key"), found
    assert found["full list"] == "", "reading needs no room"
    assert {name: error for name, error in found.items() if name.startswith("after") and error} == {}
    assert found["left"] == "0"
