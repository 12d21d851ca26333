"""Make the project's own environment, `.venv`: what bin/inv does on first use. Needs the standard library only.

The environment belongs to a checkout and to two files, requirements.lock and pyproject.toml; bin/inv compares
its stamp with them at every start. The stamp is written last, so an interrupted bootstrap is done again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pywasm_build.command import Runner, SubprocessRunner
from pywasm_build.errors import PywasmError
from pywasm_build.lock import locked

STAMP = "pywasm-stamp"
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
    stamp.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    pip = [venv / "bin" / "python", "-m", "pip", "install"]
    # Wheels only: building an sdist would fetch build requirements that nobody pinned.
    locked_wheels = ["--require-hashes", "--only-binary", ":all:", "-r", root / "requirements.lock"]
    itself = ["--no-deps", "--no-build-isolation", "--no-index", "-e", root]
    for title, command in (
        ("make the environment", [python, "-m", "venv", "--clear", venv]),
        ("install the pinned packages", [*pip, *locked_wheels]),
        ("install this project", [*pip, *itself]),
    ):
        runner.run(command, cwd=root, env=_HERE, log=log, title=title, timeout=_TIMEOUT)
    temporary = stamp.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(stamp)


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
