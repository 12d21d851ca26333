from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from pywasm_build.errors import HashMismatch, PywasmError
from pywasm_runtime.errors import UsageError
from pywasm_runtime.functions.errors import UploadRefused
from task_errors import pywasm_task

ROOT = Path(__file__).parents[2]


def inv(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "invoke", "--search-root", str(ROOT), *args]
    return subprocess.run(command, cwd="/", capture_output=True, text=True)


def test_the_list_has_a_line_for_each_task() -> None:
    done = inv("--list")
    assert done.returncode == 0
    for name in ("doctor", "sources", "test", "lint", "serve", "func.invoke", "libs.check", "libs.survey"):
        assert f"  {name} " in done.stdout


def test_an_unknown_task_gets_invokes_own_message() -> None:
    done = inv("sorces")
    assert done.returncode == 1
    assert done.stderr == "No idea what 'sorces' is!\n"


def test_a_list_is_quick_because_nothing_is_imported() -> None:
    code = "import tasks, sys; print([name for name in sys.modules if name.startswith('pywasm_')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["libs.index"], 2, "error: --out DIR says where the index shall be\n"),
        (["libs.index", "--out", __file__], 2, "is there already and is no package index; name a folder"),
        (["libs.test", "--all", "--quick"], 2, "one of --name NAME, --quick and --all says whose tests to run"),
        (["libs.test", "--all", "--record", "--only", "x"], 2, "--record keeps results of whole suites: leave --only"),
        (["libs.test", "--name", "nunpy"], 11, "error: nunpy has no recipe, and so no test (did you mean 'numpy'?)\n"),
        (["libs.check", "--name", "nunpy"], 11, "error: nunpy has no recipe (did you mean 'numpy'?)\n"),
        (["libs.survey", "--name", "nunpy"], 2, "error: --name nunpy is not in the list (did you mean 'numpy'?)"),
    ],
)
def test_wrong_arguments_get_a_line(command: list[str], code: int, message: str) -> None:
    done = inv(*command)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


MISMATCH = HashMismatch("x", expected="a", actual="b", advice="c")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (PywasmError("what, where, what next"), 1, "error: what, where, what next"),
        (MISMATCH, 7, "expected sha256 a"),
        (UsageError("which option"), 2, "error: which option"),
        (UploadRefused("why", "Traceback of the guest"), 1, "Traceback of the guest\nerror: why"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 1, "/x: No space left on device"),
    ],
)
def test_errors_of_the_user_become_messages(error: BaseException, code: int, text: str) -> None:
    @pywasm_task
    def failing(context: Context) -> None:
        """Fail."""
        raise error

    with pytest.raises(Exit) as caught:
        failing(Context())
    assert caught.value.code == code
    assert text in str(caught.value.message)


def test_our_own_bugs_keep_their_traceback() -> None:
    @pywasm_task
    def failing(context: Context) -> None:
        """Fail."""
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing(Context())
