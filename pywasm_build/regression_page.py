"""Write docs/compatibility.md: how much of CPython's own regression test suite passes in the sandbox."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pywasm_build.markdown import markdown_table
from pywasm_build.recipes import ExpectedFailure
from pywasm_build.suite_report import Pattern, SuiteResult
from pywasm_build.suite_results import FAILED, NOT_RUN, PASSED, SKIPPED, XFAILED, TestResult

_COMMAND = "bin/inv cpython.test --write"
_REASONS = 30
_WIDTH = 100


@dataclass(kw_only=True)
class _File:
    """What became of one test file; `reasons` are those of its failures and of what was not run."""

    counts: Counter[str] = field(default_factory=Counter)
    unexpected: int = 0
    whole: TestResult | None = None
    reasons: Counter[str] = field(default_factory=Counter)


def compatibility_page(result: SuiteResult, expected: Sequence[ExpectedFailure]) -> str:
    """Return the page; it changes only if results do."""
    files = _by_file(result, expected)
    skips = Counter(_short(r.reason) for r in result.results if r.outcome == SKIPPED and "::" in r.id)
    parts = [
        "# Compatibility: CPython's own tests",
        f"`{_COMMAND}` made this page. It runs the regression test suite of CPython {result.version}, `Lib/test`,"
        " in the sandbox, each file in a process of its own; resources like the network are not enabled.",
        markdown_table(("", "tests"), [(label, f"{count:,}") for label, count in _totals(result, files)]),
        f"Of the tests that ran {result.pass_rate:.2%} passed.",
        "## Files of which not all passes",
        markdown_table(
            ("file", "passed", "failed", "expected failures", "not run", "skipped", "why"),
            [_row(name, file) for name, file in files.items() if _is_listed(file)],
        ),
        "The other files pass completely, apart from the tests that skip themselves.",
        "## Files that are not run",
        _groups(files, NOT_RUN),
        "## Files that skip themselves",
        _groups(files, SKIPPED),
        "## Why single tests skip themselves",
        markdown_table(("reason", "tests"), [(reason, f"{count:,}") for reason, count in _most(skips)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _by_file(result: SuiteResult, expected: Sequence[ExpectedFailure]) -> Mapping[str, _File]:
    files: dict[str, _File] = defaultdict(_File)
    failed = {test.id for test in result.failed}
    why = {test.id: reason for test, reason in result.expected}
    patterns = [(Pattern(text), failure.reason) for failure in expected if not failure.run for text in failure.ids]
    for test in result.results:
        file = files[test.file]
        file.counts[test.outcome] += 1
        file.unexpected += test.id in failed
        if "::" not in test.id:
            file.whole = test
        if test.outcome == NOT_RUN:
            file.reasons[next(reason for pattern, reason in patterns if pattern.matches(test.id))] += 1
        elif test.outcome == FAILED:
            file.reasons[why.get(test.id, test.reason)] += 1
    return files


def _totals(result: SuiteResult, files: Mapping[str, _File]) -> Sequence[tuple[str, int]]:
    counts = result.counts
    return (
        ("passed", result.passed),
        ("failed", len(result.failed)),
        ("expected failures", len(result.expected)),
        ("expected failures of CPython itself", counts.get(XFAILED, 0)),
        ("skipped by themselves", counts.get(SKIPPED, 0)),
        ("not run", counts.get(NOT_RUN, 0)),
        ("test files", len(files)),
    )


def _is_listed(file: _File) -> bool:
    in_part = file.whole is None or file.whole.outcome == FAILED
    return in_part and bool(file.counts[FAILED] or file.counts[NOT_RUN])


def _row(name: str, file: _File) -> Sequence[str]:
    expected = file.counts[FAILED] - file.unexpected
    numbers = (file.counts[PASSED], file.unexpected, expected, file.counts[NOT_RUN], file.counts[SKIPPED])
    why = "; ".join(f"{_short(reason)} ({count})" for reason, count in _most(file.reasons))
    return (name, *map(str, numbers), why)


def _groups(files: Mapping[str, _File], outcome: str) -> str:
    """Return a table of reasons for files that have this outcome as a whole."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, file in files.items():
        if file.whole is not None and file.whole.outcome == outcome:
            groups[next(iter(file.reasons), file.whole.reason)].append(name)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return markdown_table(("reason", "files"), [(_short(reason), ", ".join(names)) for reason, names in ordered])


def _most(counts: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_REASONS]


def _short(reason: str) -> str:
    line = reason.partition("\n")[0]
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..."
