"""Installing into a second checkout: nothing is built twice, packages without recipes, interruptions, waiting."""

import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.chain import TIMEOUT, Chain, Checkout, printed, running

PURE, COMPILED = "iniconfig", "setproctitle"
"""Packages without a recipe; that with compiled code is in C."""


def installed(checkout: Checkout) -> list[str]:
    file = checkout.root / "build" / "installed.json"
    return [entry["name"] for entry in json.loads(file.read_text())] if file.is_file() else []


def test_a_second_checkout_builds_nothing(scratch: Checkout) -> None:
    ended = scratch.inv("runtime")
    assert ended.returncode == 0, ended.stderr
    assert "runtime root: build/runtime" in ended.stdout
    assert ended.stderr == ""  # a build would say so
    assert printed(scratch.python("-c", "import sys; print(sys.platform)")) == "wasi"


def test_quickstart(scratch: Checkout) -> None:
    ended = scratch.inv("quickstart")
    assert ended.returncode == 0, ended.stderr
    assert "the inverse of [[4.0, 1.0], [2.0, 3.0]] is [[0.3, -0.1], [-0.2, 0.4]]" in ended.stdout
    assert "numpy" in installed(scratch)


@pytest.mark.network
def test_a_pure_package_without_a_recipe(scratch: Checkout, chain: Chain) -> None:
    before = installed(chain)
    ended = scratch.inv("libs.install", "--name", PURE)
    assert ended.returncode == 0, ended.stderr
    assert f"warning: {PURE} is not in the registry; its wheel" in ended.stderr
    code = f"import {PURE}, importlib.metadata; print({PURE}.IniConfig('x', '[a]\\nb=c')['a']['b'])"
    assert printed(scratch.python("-c", f"{code}; print(importlib.metadata.version('{PURE}'))")).startswith("c\n")
    assert PURE in installed(scratch)
    assert installed(chain) == before
    assert "ModuleNotFoundError" in chain.python("-c", f"import {PURE}").stderr
    listed = scratch.inv("libs.show").stdout.splitlines()
    assert any(line.split()[0] == PURE and "installed, no recipe" in line for line in listed)


def interrupt_build(scratch: Checkout) -> subprocess.CompletedProcess[str]:
    """Start building a package and send Ctrl-C to the terminal's processes once the compiler is at work."""
    log = scratch.root / "build" / "logs" / f"{COMPILED}.log"
    log.unlink(missing_ok=True)
    command: list[str | Path] = [scratch.root / "bin" / "inv", "libs.install", "--name", COMPILED, "--clean"]
    with running(command, new_session=True) as process:
        deadline = time.monotonic() + TIMEOUT
        while not (log.is_file() and "-clang" in log.read_text("utf-8", "replace").partition("Building wheel")[2]):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
    written = log.stat().st_size
    time.sleep(1)
    assert log.stat().st_size == written  # no compiler goes on without us
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.network
def test_a_compiled_package_without_a_recipe_is_interrupted_and_then_built(scratch: Checkout, chain: Chain) -> None:
    ended = interrupt_build(scratch)
    assert ended.returncode == 130
    assert "interrupted; the next run goes on from here" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert COMPILED not in installed(scratch)
    assert "ModuleNotFoundError" in scratch.python("-c", f"import {COMPILED}").stderr
    again = scratch.inv("libs.install", "--name", COMPILED)
    assert again.returncode == 0, again.stderr
    assert f"warning: {COMPILED} is not in the registry; its sdist" in again.stderr
    assert "1 built" in again.stdout
    code = f"import {COMPILED} as s; print(s._setproctitle.__file__.rpartition('.')[2], type(s.getproctitle()))"
    assert printed(scratch.python("-c", code)) == "so <class 'str'>"
    assert COMPILED not in installed(chain)
    third = scratch.inv("libs.install", "--name", COMPILED)
    assert "1 cached" in third.stdout


def test_one_inv_waits_for_the_other(scratch: Checkout) -> None:
    lock = scratch.root / "build" / "installed.lock"
    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write("4711")
        file.flush()
        with running([scratch.root / "bin" / "inv", "runtime"]) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "waiting for another inv (pid 4711) that builds the runtime root\n"
            fcntl.flock(file, fcntl.LOCK_UN)
            out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, "")
    assert "runtime root: build/runtime" in out


def test_two_at_once_both_succeed(scratch: Checkout) -> None:
    command = [str(scratch.root / "bin" / "inv"), "runtime"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        out, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
        assert "runtime root: build/runtime" in out
    assert printed(scratch.python("-c", "print(1)")) == "1"


def test_a_damaged_state_is_refused(scratch: Checkout) -> None:
    file = scratch.root / "build" / "installed.json"
    content = file.read_bytes()
    try:
        file.write_text('[{"name": "numpy"')
        ended = scratch.inv("runtime")
    finally:
        file.write_bytes(content)
    assert ended.returncode == 10
    assert f"error: {file} is damaged" in ended.stderr


def test_python_wasm_of_a_checkout_without_an_environment(scratch: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "python-wasm"
    program.write_bytes(scratch.python_wasm.read_bytes())
    program.chmod(0o755)
    ended = subprocess.run([program, "-c", "1"], capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 1
    assert ended.stderr == f"python-wasm: {tmp_path}/.venv is missing; make it with: {tmp_path}/bin/inv --list\n"
