"""What `bin/inv` can do. A task parses its arguments, calls one function, prints; the work is elsewhere.

Imports of the build and the runtime are inside the tasks, so that `inv --list` stays quick.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from pywasm_build.command import SubprocessRunner
    from pywasm_build.sources import Sources

ROOT = Path(__file__).resolve().parent
INTERRUPTED = 130


def pywasm_task(function: Callable[..., None]) -> Any:
    """Make a task whose user sees messages, not tracebacks: of our errors, of a full disk, of Ctrl-C."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        from pywasm_build.errors import PywasmError

        try:
            function(*args, **kwargs)
        except PywasmError as error:
            raise Exit(f"error: {error}", error.exit_code) from error
        except KeyboardInterrupt:
            raise Exit("\ninterrupted; the next run goes on from here", INTERRUPTED) from None
        except OSError as error:
            if error.filename is None and error.errno is None:
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise Exit(f"error: {where}{error.strerror}", 1) from error

    return task(run)


def _runner() -> SubprocessRunner:
    from pywasm_build.command import SubprocessRunner

    return SubprocessRunner(os.environ)


def _sources() -> Sources:
    from pywasm_build.sources import Sources
    from pywasm_build.workspace import Workspace

    return Sources(Workspace.discover(os.environ), _runner(), os.environ)


def _tool(*args: str) -> None:
    """Run a development tool of this environment with the terminal, and end with its exit code."""
    from pywasm_build.command import run_attached

    if code := run_attached([sys.executable, "-m", *args], cwd=ROOT):
        raise Exit(code=code)


@pywasm_task
def doctor(context: Context) -> None:
    """Show what this machine lacks for a build, and the command that mends it."""
    from pywasm_build.doctor import report, require

    print(report(require(_runner())))
    print("this machine has all that a build needs")


@pywasm_task
def sources(context: Context, verify: bool = False) -> None:
    """List every pinned download and its state; --verify hashes the files that are here."""
    from pywasm_build.progress import human_size, table

    pinned = _sources()
    rows = pinned.verify() if verify else pinned.listing()
    print(
        table(
            ("name", "version", "file", "state", "size"),
            [
                (
                    row.name,
                    row.version + ("" if row.used else " (not used)"),
                    row.file,
                    row.state,
                    "-" if row.size is None else human_size(row.size),
                )
                for row in rows
            ],
        )
    )


@pywasm_task
def test(context: Context, only: str = "") -> None:
    """Run all tests; --only names a part: unit, runtime or integration."""
    parts = [only] if only else ["unit", "runtime", "integration"]
    folders = [folder for part in parts if (folder := ROOT / "tests" / part).is_dir()]
    if not folders:
        raise Exit(f"error: there is no tests/{only}; --only takes unit, runtime or integration", 2)
    _tool("pytest", *map(str, folders))


@pywasm_task
def lint(context: Context) -> None:
    """Check format, style and types: ruff and mypy --strict."""
    for command in _LINTERS:
        _tool(*command)


_LINTERS: Sequence[Sequence[str]] = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",))

namespace = Collection(doctor, sources, test, lint)
