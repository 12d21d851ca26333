from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pywasm_runtime.functions.data_folder import DataFolder, open_data_folder
from pywasm_runtime.functions.runner_lock import has_runner, running_queued_calls

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.functions.runner_lock import running_queued_calls
with running_queued_calls(DataFolder(path=Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return open_data_folder(tmp_path / "data")


def test_nobody_runs_them(data: DataFolder) -> None:
    assert not has_runner(data)
    assert not has_runner(data)


def test_several_may_run_them(data: DataFolder) -> None:
    with running_queued_calls(data):
        with running_queued_calls(data):
            assert has_runner(data)
        assert has_runner(data)
    assert not has_runner(data)


def test_a_killed_process_runs_none(data: DataFolder) -> None:
    command = [sys.executable, "-c", HOLDER, str(data.path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert has_runner(data)
        holder.kill()
        holder.wait()
        assert not has_runner(data)


def test_those_who_look_are_not_taken_for_those_who_run(data: DataFolder) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert not any(pool.map(has_runner, [data] * 200))
