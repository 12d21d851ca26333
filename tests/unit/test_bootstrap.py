"""The environment of a checkout: made whole or not at all, and never by deleting what somebody else made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pywasm_build.bootstrap import STAMP, bootstrap, is_current, stamp_text
from pywasm_build.command import Completed
from pywasm_build.errors import CommandFailed, UsageError
from tests.unit.fakes import FakeRunner, completed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    checkout = tmp_path / "check out"
    checkout.mkdir()
    (checkout / "requirements.lock").write_text("invoke==1\n")
    (checkout / "pyproject.toml").write_text("[project]\n")
    return checkout


def runner(failing: str = "") -> FakeRunner:
    def python(args: Sequence[str]) -> Completed:
        return completed(returncode=int(bool(failing) and failing in args))

    return FakeRunner(answers={"python": python, "python3": python})


def test_it_is_made_once_and_again_when_the_lock_changes(root: Path) -> None:
    commands = runner()
    bootstrap(root, commands, python="python3")
    bootstrap(root, commands, python="python3")
    assert len(commands.calls) == 3
    assert is_current(root)
    (root / "requirements.lock").write_text("invoke==2\n")
    assert not is_current(root)
    bootstrap(root, commands, python="python3")
    assert len(commands.calls) == 6


def test_packages_come_as_pinned_wheels_whatever_pip_is_configured_for(root: Path) -> None:
    commands = runner()
    bootstrap(root, commands, python="python3")
    assert commands.calls[0] == ["python3", "-m", "venv", str(root / ".venv")]
    assert {"--require-hashes", "--only-binary", ":all:"} <= set(commands.calls[1])
    assert {"--no-deps", "--no-build-isolation", "--no-index"} <= set(commands.calls[2])
    assert all(changes["PIP_USER"] is None for changes in commands.changes)


@pytest.mark.parametrize("step", ["venv", "--require-hashes", "-e"])
def test_a_failed_step_leaves_no_stamp_and_the_next_run_starts_again(root: Path, step: str) -> None:
    with pytest.raises(CommandFailed):
        bootstrap(root, runner(failing=step), python="python3")
    assert not is_current(root)
    (root / ".venv" / "half").mkdir()
    bootstrap(root, runner(), python="python3")
    assert is_current(root)
    assert not (root / ".venv" / "half").exists()


def test_a_link_is_not_followed_and_its_target_not_deleted(root: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "precious").touch()
    (root / ".venv").symlink_to(theirs)
    commands = runner()
    with pytest.raises(UsageError, match="was not made by bin/inv"):
        bootstrap(root, commands, python="python3")
    assert (theirs / "precious").exists()
    assert commands.calls == []


def test_somebody_elses_environment_is_not_deleted(root: Path) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / "pyvenv.cfg").touch()
    with pytest.raises(UsageError, match="move it away"):
        bootstrap(root, runner(), python="python3")
    assert (root / ".venv" / "pyvenv.cfg").exists()


def test_a_moved_checkout_is_not_current(root: Path, tmp_path: Path) -> None:
    bootstrap(root, runner(), python="python3")
    moved = root.rename(tmp_path / "moved")
    assert not is_current(moved)


# bin/inv itself, with a Python that notes how it is called.

FAKE_PYTHON = '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\necho "pythonpath=${PYTHONPATH-unset}"\n'


@pytest.fixture
def made(root: Path) -> Path:
    """Return a checkout whose environment is current, with bin/inv in it."""
    (root / "bin").mkdir()
    shutil.copy(ROOT / "bin" / "inv", root / "bin" / "inv")
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    (root / ".venv" / STAMP).write_text(stamp_text(root))
    return root


def inv(program: Path, *args: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run([program, *args], cwd=cwd, env=environment, capture_output=True, text=True)


def test_inv_runs_invoke_of_its_checkout_from_anywhere(made: Path, tmp_path: Path) -> None:
    done = inv(made / "bin" / "inv", "x", "a b", cwd=tmp_path, PYTHONPATH="/leak")
    program = str(made / ".venv" / "bin" / "python")
    expected = [program, "-P", "-m", "invoke", "--search-root", str(made), "x", "a b", "pythonpath=unset"]
    assert done.stdout.splitlines() == expected


def test_inv_works_through_links(made: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "one").symlink_to(made / "bin" / "inv")
    (tmp_path / "far" / "two").symlink_to("../one")
    done = inv(tmp_path / "far" / "two", cwd=Path("/"))
    assert done.stdout.splitlines()[5] == str(made)


def test_inv_says_when_there_is_no_python(made: Path, tmp_path: Path) -> None:
    (made / ".venv" / STAMP).unlink()
    done = inv(made / "bin" / "inv", cwd=tmp_path, PYWASM_PYTHON=str(tmp_path / "gone"))
    assert done.returncode == 3
    assert "no Python 3.11 or newer" in done.stderr
    assert f"{tmp_path / 'gone'}: not found" in done.stderr


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 127", "does not start"),
        ("echo is version 3.9", "is version 3.9"),
        ("echo lacks ensurepip", "lacks ensurepip"),
    ],
)
def test_inv_says_why_a_python_will_not_do(made: Path, tmp_path: Path, script: str, reason: str) -> None:
    (made / ".venv" / STAMP).unlink()
    shim = tmp_path / "a shim"
    shim.write_text(f"#!/bin/sh\n{script}\n")
    shim.chmod(0o755)
    done = inv(made / "bin" / "inv", cwd=tmp_path, PYWASM_PYTHON=str(shim))
    assert done.returncode == 3
    assert f"{shim}: {reason}" in done.stderr
    assert ("python3-venv" in done.stderr) == ("ensurepip" in reason)


def test_inv_bootstraps_first_when_the_lock_changed(made: Path, tmp_path: Path) -> None:
    (made / "requirements.lock").write_text("changed\n")
    shutil.copytree(ROOT / "pywasm_build", made / "pywasm_build", ignore=shutil.ignore_patterns("__pycache__"))
    done = inv(made / "bin" / "inv", cwd=tmp_path, PYWASM_PYTHON=sys.executable)
    # This environment has no mark of bin/inv, so the bootstrap was reached and refused to delete it.
    assert done.returncode == UsageError.exit_code
    assert "was not made by bin/inv" in done.stderr
    assert "Traceback" not in done.stderr
