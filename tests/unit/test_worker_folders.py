"""The folders of workers: apart for each supervisor, and gone with it, however it ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pywasm_runtime.functions.errors import StorageError
from pywasm_runtime.functions.worker_folders import worker_folders

_KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from pywasm_runtime.functions.worker_folders import worker_folders
with worker_folders(Path(sys.argv[1])) as folder:
    (folder / "worker-1").mkdir()
    (folder / "worker-1" / "left").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_each_has_its_own_and_removes_only_that(tmp_path: Path) -> None:
    with worker_folders(tmp_path / "workers") as first:
        (first / "worker-1").mkdir()
        with worker_folders(tmp_path / "workers") as second:
            assert first != second
        assert (first.is_dir(), second.exists()) == (True, False)
        assert (first / "worker-1").is_dir()
    assert not first.exists()


def test_what_a_killed_one_left_is_removed_by_the_next(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", _KILLED, str(tmp_path), root]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with worker_folders(tmp_path):
            assert (left / "worker-1" / "left").exists()  # it lives
        process.kill()
    with worker_folders(tmp_path):
        assert not left.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file"), worker_folders(tmp_path / "file" / "workers"):
        pass
