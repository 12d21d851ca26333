"""Name what can go wrong in a build, one class for each thing the caller may want to tell apart.

    PywasmError                 1   anything below
    ├── UsageError              2   a wrong argument, setting or environment variable
    ├── MachineError            3   this machine lacks something (a compiler, a header, space)
    ├── CommandFailed           4   a command ended with an exit code other than 0, or took too long
    ├── SourceError             5   third-party/sources.toml is wrong, or has no such entry
    ├── DownloadError           6   no location gave the file
    │   ├── HashMismatch        7   bytes arrived that are not the pinned ones
    │   └── Offline             8   no location could be reached at all
    ├── ArchiveError            9   an archive is damaged or wants to write outside its folder
    ├── StoreError             10   a product in the store cannot be made or read
    ├── RecipeError            11   a recipe in patches/ is wrong, or there is none
    │   └── PatchError         12   a patch does not apply, or matches no version
    ├── WheelError             13   a wheel is not what its tag or its imports promise
    └── BuildError             14   a stage made something that does not work

Each message says what happened, where, and what to do next. The number is `exit_code`, the exit code
of `inv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path


class PywasmError(Exception):
    """Stop a task with a message for its user; `exit_code` becomes the exit code of the process."""

    exit_code = 1


class UsageError(PywasmError):
    """Refuse an argument, a setting or an environment variable."""

    exit_code = 2


class MachineError(PywasmError):
    """Report that this machine lacks something that the build needs."""

    exit_code = 3


class CommandFailed(PywasmError):
    """Report a command that failed, with its last lines and the path of its full log.

    `returncode` is the exit code, negative for a signal, None when the command was ended by its timeout.
    """

    exit_code = 4

    def __init__(
        self,
        reason: str,
        *,
        args: Sequence[str],
        returncode: int | None,
        tail: Sequence[str] = (),
        log: Path | None = None,
    ) -> None:
        lines = [reason, *(f"  | {line}" for line in tail)]
        if log is not None:
            lines.append(f"the full log is {log}")
        super().__init__("\n".join(lines))
        self.command = tuple(args)
        self.returncode = returncode
        self.tail = tuple(tail)
        self.log = log


class SourceError(PywasmError):
    """Report a mistake in third-party/sources.toml, or a name that it does not have."""

    exit_code = 5


class DownloadError(PywasmError):
    """Report a file that no location gave."""

    exit_code = 6


class HashMismatch(DownloadError):
    """Report bytes that are not the pinned ones; both hashes are sha256 in hexadecimal."""

    exit_code = 7

    def __init__(self, where: str, *, expected: str, actual: str, advice: str) -> None:
        super().__init__(
            f"{where} is not the file that was pinned\n"
            f"  expected sha256 {expected}\n"
            f"  found    sha256 {actual}\n{advice}"
        )
        self.expected = expected
        self.actual = actual


class Offline(DownloadError):
    """Report that no location of a file could be reached."""

    exit_code = 8


class ArchiveError(PywasmError):
    """Report an archive that is damaged, too big, or that wants to write outside its folder."""

    exit_code = 9


class StoreError(PywasmError):
    """Report a product that cannot be made or read."""

    exit_code = 10


class RecipeError(PywasmError):
    """Report a mistake in a recipe, or a package that has none."""

    exit_code = 11


class PatchError(RecipeError):
    """Report a patch that does not apply, or that matches no version."""

    exit_code = 12


class WheelError(PywasmError):
    """Report a wheel that does not keep what its tag or its imports promise."""

    exit_code = 13


class BuildError(PywasmError):
    """Report an artefact that was made and does not work."""

    exit_code = 14


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, or nothing."""
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
