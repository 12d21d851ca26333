"""A confined command writes into its folders and nowhere else, and reaches no network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pywasm_build import confinement
from pywasm_build.confinement import confined

pytestmark = pytest.mark.skipif(not confinement.version(), reason="this kernel has no Landlock")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    folder.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("mine")
    return folder


def run(box: Path, *command: str) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in confined(command, writable=[box])]
    return subprocess.run(words, cwd=box, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    "script",
    [
        "echo x > new && mkdir a b && echo y > a/f && mv a/f b/f && ln b/f b/g && ln -s g b/h && rm new && rmdir a",
        "echo x > /dev/null",
        f"exec {sys.executable} -c 'import multiprocessing; multiprocessing.Semaphore()'",
        "exec cat ../outside/file",
        "(sleep 5 & kill $!)",
    ],
)
def test_what_builds_do_goes_on(box: Path, script: str) -> None:
    ended = run(box, "sh", "-c", script)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    "script",
    [
        "echo x > ../outside/new",
        "echo x > ../outside/file",
        "echo x >> ../outside/file",
        "truncate -s 0 ../outside/file",
        "rm ../outside/file",
        "rmdir ../outside",
        "mkdir ../outside/new",
        "mkfifo ../outside/new",
        "ln -s x ../outside/new",
        "mv ../outside/file .",
        "ln ../outside/file here && echo x > here",
        "ln -s ../outside/file here && echo x > here",
        "echo x > here && mv here ../outside/file",
    ],
)
def test_nothing_changes_outside(box: Path, script: str) -> None:
    ended = run(box, "sh", "-c", script)
    assert ended.returncode != 0
    outside = box.parent / "outside"
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("file", "mine")]


def test_no_connection_and_no_signal_leaves_it(box: Path) -> None:
    if confinement.version() < 6:
        pytest.skip("this kernel's Landlock knows neither sockets nor signals")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection({server.getsockname()!r}, 5)"
        ended = run(box, sys.executable, "-c", code)
    assert "PermissionError" in ended.stderr
    assert run(box, "sh", "-c", f"kill -0 {os.getpid()}").returncode != 0


def test_it_ends_as_the_command_does(box: Path) -> None:
    assert run(box, "sh", "-c", "exit 7").returncode == 7
