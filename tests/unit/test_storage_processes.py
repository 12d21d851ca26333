"""Many processes use one storage at once."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pywasm_runtime.functions.model import CallRequest, FunctionSettings
from pywasm_runtime.storage import Storage

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import json, sys
from pathlib import Path
from pywasm_runtime.functions.model import *
from pywasm_runtime.storage import *
folder, number = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.read(1)
"""
UPLOAD = """
with Storage(folder) as storage:
    digest = f"{int(number):064x}"
    print(json.dumps([
        storage.functions.add_version("ann", "f", digest=digest, archive=b"zip", settings=FunctionSettings()).version
        for _ in range(20)
    ]))
"""
CLAIM = """
with Storage(folder) as storage:
    waiting = storage.calls.claimable(1000)
    print(json.dumps([call_id for call_id in waiting if storage.calls.claim(number, call_id, 60)]))
"""
APPEND = """
with Storage(folder) as storage:
    local = LocalState(folder / "local", storage.state, 1 << 20)
    for step in range(50):
        storage.state.append("ann", "log", f"{number}:{step}".encode())
        local.write_state("ann", f"{number}-{step}", number.encode() * 100)
        local.write_state_range("ann", "shared", 0, int(number) * 1000 + step, b"x")
        local.push_state("ann", "shared")
    print("[]")
"""
LOCK = """
import time
with Storage(folder) as storage:
    for _ in range(20):
        while not storage.locks.acquire("ann", "k", number, True, 60):
            time.sleep(0.001)
        count = int(storage.state.read("ann", "counter"))
        storage.state.write("ann", "counter", str(count + 1).encode())
        assert storage.locks.release("ann", "k", number)
    print("[]")
"""


def run_at_once(script: str, folder: Path, count: int) -> list[list[object]]:
    """Start processes, let them begin together, and give what each printed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HEAD + script, str(folder), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        for number in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout and process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write(b"x")
            process.stdin.flush()
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * count
    return [json.loads(output) for output in outputs]


def all_of(lists: Sequence[Sequence[object]]) -> list[object]:
    return [item for items in lists for item in items]


def test_uploads_of_one_name_at_once_are_all_kept(tmp_path: Path) -> None:
    # The file is not there yet: they also make it at once.
    numbers = all_of(run_at_once(UPLOAD, tmp_path / "data", 3))
    assert sorted(numbers, key=str) == sorted(range(1, 61), key=str)
    with Storage(tmp_path / "data") as storage:
        assert len(storage.functions.versions("ann", "f")) == 60
        assert storage.functions.current("ann", "f").version == 60


def test_a_call_is_claimed_by_one(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        storage.functions.add_version("ann", "f", digest="a" * 64, archive=b"zip", settings=FunctionSettings())
        ids = [storage.calls.submit(CallRequest(user="ann", function="f")).id for _ in range(200)]
    assert sorted(all_of(run_at_once(CLAIM, tmp_path, 3)), key=str) == sorted(ids)


def test_state_is_written_by_many(tmp_path: Path) -> None:
    run_at_once(APPEND, tmp_path, 3)
    with Storage(tmp_path) as storage:
        entries = storage.state.appended("ann", "log")
        assert len(entries) == len(set(entries)) == 150
        for number in range(3):
            own = [entry for entry in entries if entry.startswith(f"{number}:".encode())]
            assert own == [f"{number}:{step}".encode() for step in range(50)]
        shared = storage.state.read("ann", "shared")
        assert len(shared) == 2050
        assert shared.count(b"x") == 150
        assert storage.state.usage("ann") == sum(map(len, entries)) + len(shared)


def test_a_lock_holds_across_processes(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        storage.state.write("ann", "counter", b"0")
    run_at_once(LOCK, tmp_path, 3)
    with Storage(tmp_path) as storage:
        assert storage.state.read("ann", "counter") == b"60"
