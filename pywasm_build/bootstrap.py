"""Make the project's own environment, `.venv`: what bin/inv does on first use. Needs the stdlib only.

The environment belongs to a checkout and to two files, requirements.lock and pyproject.toml; bin/inv compares
its stamp with them at every start. The stamp is written last, so an interrupted bootstrap is done again.
Making it anew deletes what is there, so that is done only to a folder that carries this module's mark.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from pywasm_build.command import Argument, Runner, SubprocessRunner
from pywasm_build.errors import PywasmError, UsageError
from pywasm_build.lock import locked

STAMP = "pywasm-stamp"
MARK = "pywasm-venv"
_TIMEOUT = 1800.0
# Settings of pip that would send packages elsewhere than into the environment.
_HERE = {"PIP_USER": None, "PIP_TARGET": None, "PIP_PREFIX": None, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def stamp_text(root: Path) -> str:
    """Return what the stamp of a finished environment holds; bin/inv puts the same together."""
    files = (root / "requirements.lock", root / "pyproject.toml")
    return f"{root}\n" + "".join(file.read_text(encoding="utf-8") for file in files)


def is_current(root: Path) -> bool:
    """Tell whether the environment of a checkout is finished and made from its present files."""
    stamp = root / ".venv" / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == stamp_text(root)


def bootstrap(root: Path, runner: Runner, *, python: str = sys.executable) -> None:
    """Make `.venv` in a checkout unless it is current; a second process waits for the first one."""
    with locked(root / ".venv.lock", what=".venv"):
        if not is_current(root):
            _make(root, runner, python)


def _make(root: Path, runner: Runner, python: str) -> None:
    print(f"setting up {root / '.venv'} (once; needs some 600 MB)", file=sys.stderr)
    venv, log = root / ".venv", root / "build" / "logs" / "bootstrap.log"
    stamp, text = venv / STAMP, stamp_text(root)
    _empty(venv)
    log.unlink(missing_ok=True)
    pip: list[Argument] = [venv / "bin" / "python", "-m", "pip", "install"]
    # Wheels only: building an sdist would fetch build requirements that nobody pinned.
    locked_wheels: list[Argument] = [
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        root / "requirements.lock",
    ]
    itself: list[Argument] = ["--no-deps", "--no-build-isolation", "--no-index", "-e", root]
    steps: tuple[tuple[str, list[Argument]], ...] = (
        ("make the environment", [python, "-m", "venv", venv]),
        ("install the pinned packages", [*pip, *locked_wheels]),
        ("install this project", [*pip, *itself]),
    )
    for title, command in steps:
        runner.run(command, cwd=root, env=_HERE, log=log, title=title, timeout=_TIMEOUT)
    temporary = stamp.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(stamp)


def _empty(venv: Path) -> None:
    """Leave an empty folder with the mark in it; refuse to delete what this module did not make."""
    theirs = venv.is_symlink() or (venv.exists() and not venv.is_dir())
    if not theirs and venv.is_dir():
        theirs = any(venv.iterdir()) and not (venv / MARK).is_file()
    if theirs:
        raise UsageError(f"{venv} was not made by bin/inv, which will not delete it: move it away")
    # The stamp goes first and the mark stays, so that an interruption leaves no half that looks finished.
    (venv / STAMP).unlink(missing_ok=True)
    for item in venv.iterdir() if venv.is_dir() else ():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        elif item.name != MARK:
            item.unlink()
    venv.mkdir(exist_ok=True)
    (venv / MARK).write_text("made by bin/inv, which may delete it\n", encoding="utf-8")


def main(environ: Mapping[str, str]) -> int:
    """Make the environment of the checkout that holds this file; return the exit code."""
    try:
        bootstrap(Path(__file__).resolve().parent.parent, SubprocessRunner(environ))
    except PywasmError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted; the next run starts the setup again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
