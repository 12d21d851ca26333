"""Find a package's test files; divide them among processes so that all workers are busy to the end."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path

from pywasm_build.errors import UsageError
from pywasm_build.recipes import TEST_FILES
from pywasm_build.suite_report import Pattern

# A first guess for a file that no report knows: one second of tests for so many bytes.
_BYTES_A_SECOND = 10_000
# A process that starts Python, pytest and the package takes a second or two: shorter shares waste it.
_SHORTEST_SECONDS = 10.0
_SHARES_A_WORKER = 8


def find_test_files(root: Path, names: Sequence[str], patterns: Sequence[str] = TEST_FILES) -> Mapping[str, int]:
    """Return the test files among files and folders below `root`, relative to it, with their sizes in bytes.

    names: of what is looked at, for example packages in site-packages.
    patterns: of the names of test files.
    """
    found: dict[str, int] = {}
    for name in names:
        place = root / name
        if not place.exists():
            raise UsageError(f"the package {name} is not in {root}; bin/inv libs.install puts it there")
        for path in [place] if place.is_file() else place.rglob("*"):
            if any(fnmatch.fnmatchcase(path.name, pattern) for pattern in patterns) and path.is_file():
                found[path.relative_to(root).as_posix()] = path.stat().st_size
    if not found:
        raise UsageError(f"no test files of {', '.join(names)} in {root}: no name is like {' or '.join(patterns)}")
    return dict(sorted(found.items()))


def select(files: Mapping[str, int], selection: Sequence[str]) -> Mapping[str, int]:
    """Return the files that one of the patterns means; all if there is no pattern.

    A pattern is of a file (relative to site-packages, or to the top of the sdist) or of a test id: then the part
    before `::` counts.
    """
    if not selection:
        return files
    patterns = [Pattern(text.partition("::")[0]) for text in selection]
    for pattern in patterns:
        if not any(pattern.matches(file) for file in files):
            raise UsageError(
                f"{pattern.text!r} means none of the {len(files)} test files; they are called like {next(iter(files))}"
            )
    return {file: size for file, size in files.items() if any(pattern.matches(file) for pattern in patterns)}


def divide(files: Mapping[str, int], known: Mapping[str, float], *, jobs: int) -> list[tuple[str, ...]]:
    """Return the shares, each for one process, the longest first.

    known: seconds of files in an earlier run; what it does not have is guessed from the size.
    """
    seconds = {file: known.get(file, size / _BYTES_A_SECOND) for file, size in files.items()}
    limit = max(sum(seconds.values()) / (jobs * _SHARES_A_WORKER), _SHORTEST_SECONDS)
    shares: list[tuple[float, tuple[str, ...]]] = []
    length, share = 0.0, list[str]()
    for file in sorted(seconds, key=lambda file: (-seconds[file], file)):
        if share and length + seconds[file] > limit:
            shares.append((length, tuple(share)))
            length, share = 0.0, []
        share.append(file)
        length += seconds[file]
    if share:
        shares.append((length, tuple(share)))
    return [files_ for _, files_ in sorted(shares, key=lambda item: -item[0])]
