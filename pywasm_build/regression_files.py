"""Find the test files of CPython's regression test suite, and what a user's names mean among them.

A test file is called like the module, without the package `test` in front: test_re, test_asyncio.test_locks. A
package is one test file, unless the settings say that each of its modules is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.errors import RecipeError, UsageError, did_you_mean
from pywasm_build.suite_report import Pattern
from pywasm_build.suite_results import TestResult

_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_METHOD = re.compile(r"^ +(?:async )?def (test\w*)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The test files that are to be run, with their sizes in bytes.

    tests: ids of tests and classes, and patterns of them, that are to be run; empty for all tests of the files.
    """

    files: Mapping[str, int]
    tests: tuple[str, ...] = ()

    @property
    def patterns(self) -> list[str]:
        """Patterns of the ids of all tests that are meant, by a class's name too."""
        return [pattern for test in self.tests for pattern in (test, f"{test}.*")]


def find_regression_tests(folder: Path, split: Sequence[str]) -> Mapping[str, int]:
    """Return the test files in Lib/test, with their sizes in bytes; raises RecipeError for a stale `split`."""
    if missing := [package for package in split if not (folder / package).is_dir()]:
        raise RecipeError(f"{', '.join(missing)} cannot be split: CPython has no such package of tests")
    found: dict[str, int] = {}
    for path in sorted(folder.glob("test_*")):
        if path.name in split:
            found |= {f"{path.name}.{name}": size for name, size in _modules(path).items()}
    return dict(sorted((found | _modules(folder, leave_out=split)).items()))


def _modules(folder: Path, leave_out: Sequence[str] = ()) -> dict[str, int]:
    """Return the test modules in a folder, packages among them."""
    sizes = {}
    for path in folder.glob("test_*"):
        if path.suffix == ".py":
            sizes[path.stem] = path.stat().st_size
        elif path.name not in leave_out and (path / "__init__.py").is_file():
            sizes[path.name] = sum(file.stat().st_size for file in path.rglob("*.py"))
    return sizes


def select_regression_tests(names: Sequence[str], files: Mapping[str, int]) -> Selection:
    """Return what the names mean; all files if there is none.

    A name is that of a file or package, or a test id, with dots or with `::`, each also as a pattern: test_re,
    test_asyncio, test_asyncio.test_locks, test_re.ReTests, 'test_re::ReTests.test_s*'.

    Raises UsageError for a name of no file.
    """
    chosen: dict[str, int] = {}
    tests: list[str] = []
    for name in names:
        meant, test = _meaning(name.removeprefix("test."), files)
        chosen |= {file: files[file] for file in meant}
        tests += [f"{file}::{test}" for file in meant]
    if all(test.endswith("::*") for test in tests):
        tests = []
    return Selection(files=dict(sorted(chosen.items())) if names else files, tests=tuple(tests))


def _meaning(name: str, files: Mapping[str, int]) -> tuple[Sequence[str], str]:
    """Return the files that one name means, and which of their tests."""
    whole = [file for file in files if Pattern(name).matches(file) or file.startswith(f"{name}.")]
    if whole:
        return whole, "*"
    inside = [file for file in files if name.startswith((f"{file}.", f"{file}::"))]
    if not inside:
        raise UsageError(f"CPython has no test file {name!r}{did_you_mean(name, files)}")
    file = max(inside, key=len)
    return [file], name.removeprefix(file).lstrip(".:")


def require_tests(selection: Selection, results: Sequence[TestResult], folder: Path) -> None:
    """Raise UsageError for a name that means no test of its file; `folder` is Lib/test."""
    as_one = {result.id for result in results if "::" not in result.id}
    for test in selection.tests:
        file, _, name = test.partition("::")
        patterns = Pattern(test), Pattern(f"{test}.*")
        if file not in as_one and not any(p.matches(result.id) for p in patterns for result in results):
            raise UsageError(f"{file} has no test {name!r}{did_you_mean(name, _test_names(folder, file))}")


def _test_names(folder: Path, file: str) -> list[str]:
    """Return classes and tests that stand in a test file, to suggest one of them."""
    path = folder.joinpath(*file.split(".")).with_suffix(".py")
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    names = []
    owner = ""
    for line in text.splitlines():
        if found := _CLASS.match(line):
            owner = found[1]
            names.append(owner)
        elif found := _METHOD.match(line):
            names.append(f"{owner}.{found[1]}")
    return names
