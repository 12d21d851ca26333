"""Judge the results of a package's test suite against its recipe, and write them down.

A test that fails is an expected failure if a pattern of the recipe matches it. A pattern is stale when, after
a complete run, every test that it matches passed, or it matches none: the recipe is wrong, and the run fails.
The pass rate is passed / (passed + failed + expected failures): of all that ran and was not skipped.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from pywasm_build.progress import human_seconds
from pywasm_build.recipes import ExpectedFailure
from pywasm_build.suite_results import FAILED, NOT_RUN, PASSED, SKIPPED, XFAILED, XPASSED, TestResult

_SHOWN = 8
_WIDTH = 150
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A pattern of the recipe that has become wrong, and how."""

    pattern: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SuiteResult:
    """What a run of a test suite came to.

    complete: all tests of the package were asked for.
    seconds: wall time of the run with `jobs` processes at once.
    expected: tests that failed as the recipe says, with its reason.
    report: the JSON report, once it is written.
    """

    name: str
    version: str
    complete: bool
    seconds: float
    jobs: int
    results: Sequence[TestResult]
    failed: Sequence[TestResult]
    expected: Sequence[tuple[TestResult, str]]
    stale: Sequence[Stale]
    report: Path | None = None

    @property
    def ok(self) -> bool:
        """No unexpected failure, no unexpected pass, and at least one test passed."""
        return not self.failed and not self.stale and self.passed > 0

    @property
    def counts(self) -> Mapping[str, int]:
        """How many tests had each outcome; failures include the expected ones."""
        return Counter(result.outcome for result in self.results)

    @property
    def passed(self) -> int:
        """How many tests passed; one that its own suite expected to fail is among them."""
        return self.counts.get(PASSED, 0) + self.counts.get(XPASSED, 0)

    @property
    def pass_rate(self) -> float:
        """The share of the tests that passed among those that ran, 0 to 1."""
        ran = self.passed + len(self.failed) + len(self.expected)
        return self.passed / ran if ran else 0.0

    @property
    def file_seconds(self) -> Mapping[str, float]:
        """The time that each test file's tests took."""
        seconds: dict[str, float] = defaultdict(float)
        for result in self.results:
            seconds[result.file] += result.seconds
        return {file: round(value, 3) for file, value in seconds.items()}


class Pattern:
    """A pattern of test ids, as in fnmatch; an id also matches itself, though it has brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Tens of thousands of ids are compared with each pattern; most differ before the first wildcard.
        self._start = re.split(r"[*?\[]", text, maxsplit=1)[0]
        self._regex = re.compile(fnmatch.translate(text))

    def matches(self, test_id: str) -> bool:
        """Tell whether the pattern means this test."""
        return test_id == self.text or (test_id.startswith(self._start) and self._regex.match(test_id) is not None)


def judge(
    results: Iterable[TestResult],
    expected: Sequence[ExpectedFailure],
    *,
    name: str,
    version: str,
    complete: bool,
    seconds: float,
    jobs: int,
) -> SuiteResult:
    """Sort the results by what the recipe expects."""
    ordered = sorted(results, key=lambda result: result.id)
    patterns = [(Pattern(text), failure) for failure in expected for text in failure.ids]
    failed: list[TestResult] = []
    as_expected: list[tuple[TestResult, str]] = []
    seen: dict[str, Counter[str]] = {pattern.text: Counter() for pattern, _ in patterns}
    for result in ordered:
        meant = [(pattern, failure) for pattern, failure in patterns if pattern.matches(result.id)]
        for pattern, _ in meant:
            seen[pattern.text][result.outcome] += 1
        if result.outcome == FAILED and meant:
            as_expected.append((result, meant[0][1].reason))
        elif result.outcome == FAILED:
            failed.append(result)
    stale = [
        Stale(pattern=pattern.text, why=why)
        for pattern, failure in patterns
        if (why := _staleness(seen[pattern.text], runs=failure.run, complete=complete))
    ]
    return SuiteResult(
        name=name,
        version=version,
        complete=complete,
        seconds=seconds,
        jobs=jobs,
        results=ordered,
        failed=failed,
        expected=as_expected,
        stale=stale,
    )


def _staleness(outcomes: Counter[str], *, runs: bool, complete: bool) -> str:
    """Return why a pattern is stale, "" if it is not; a selection may have left out the test that fails."""
    if not complete or outcomes[FAILED] or (not runs and outcomes[NOT_RUN]):
        return ""
    if passes := outcomes[PASSED] + outcomes[XPASSED]:
        return f"all {passes} tests that it matches passed" if passes > 1 else "the test passed"
    return "what it matches was skipped" if outcomes.total() else "it matches no test"


def write_reports(result: SuiteResult, folder: Path) -> Path:
    """Write <name>.json and <name>.junit.xml into `folder`; return the former."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.name}.json"
    _replace(path, json.dumps(_as_json(result), indent=1, ensure_ascii=False).encode() + b"\n")
    _replace(folder / f"{result.name}.junit.xml", _as_junit(result))
    return path


def known_seconds(path: Path) -> Mapping[str, float]:
    """Return how long each test file took in the run that left this JSON report; nothing if there is none."""
    try:
        files = json.loads(path.read_text("utf-8"))["files"]
        return {str(file): float(seconds) for file, seconds in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def summary(result: SuiteResult, report: str) -> str:
    """Return what the terminal shows: at most some 30 lines."""
    tests, files = len(result.results), len(result.file_seconds)
    lines = [
        f"{result.name} {result.version}: {tests} tests of {files} files in {human_seconds(result.seconds)}"
        f" with {result.jobs} processes at once" + ("" if result.complete else " (a selection)"),
        *(f"  {label:<22}{count:>7}" for label, count in _table(result) if count),
        f"  {'pass rate':<22}{result.pass_rate:>8.2%}",
    ]
    lines += _section("unexpected failures", [f"{r.id}: {r.reason}" for r in result.failed])
    lines += _section("stale expected failures", [f"{s.pattern}: {s.why}" for s in result.stale])
    lines.append(f"details: {report}")
    return "\n".join(lines)


def _table(result: SuiteResult) -> Sequence[tuple[str, int]]:
    counts = result.counts
    return (
        ("passed", result.passed),
        ("failed", len(result.failed)),
        ("expected failures", len(result.expected)),
        ("xfailed (its own)", counts.get(XFAILED, 0)),
        ("skipped", counts.get(SKIPPED, 0)),
        ("not run", counts.get(NOT_RUN, 0)),
    )


def _section(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    shown = [f"  {line if len(line) <= _WIDTH else line[:_WIDTH] + '...'}" for line in lines[:_SHOWN]]
    more = [f"  ... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [f"{title}:", *shown, *more]


def _as_json(result: SuiteResult) -> Mapping[str, object]:
    reasons = {test.id: reason for test, reason in result.expected}
    return {
        "name": result.name,
        "version": result.version,
        "complete": result.complete,
        "ok": result.ok,
        "seconds": round(result.seconds, 1),
        "jobs": result.jobs,
        "pass_rate": round(result.pass_rate, 6),
        "counts": {**dict(_table(result)), "xpassed": result.counts.get(XPASSED, 0)},
        "failed": [{"id": r.id, "reason": r.reason, "detail": r.detail} for r in result.failed],
        "expected": [{"id": r.id, "why": reasons[r.id], "reason": r.reason} for r, _ in result.expected],
        "stale": [{"pattern": s.pattern, "why": s.why} for s in result.stale],
        "skipped": [{"id": r.id, "reason": r.reason} for r in result.results if r.outcome == SKIPPED],
        "not_run": [r.id for r in result.results if r.outcome == NOT_RUN],
        "slowest": [
            {"id": r.id, "seconds": r.seconds}
            for r in sorted(result.results, key=lambda r: r.seconds, reverse=True)[:50]
        ],
        "files": dict(sorted(result.file_seconds.items())),
    }


def _as_junit(result: SuiteResult) -> bytes:
    """Return the report in JUnit's format, as far as its readers agree on one."""
    unexpected = {test.id for test in result.failed}
    idle = {SKIPPED, XFAILED, NOT_RUN}
    skipped = len(result.expected) + sum(r.outcome in idle for r in result.results)
    attributes = {"name": result.name, "tests": str(len(result.results)), "failures": str(len(unexpected))}
    suite = ElementTree.Element("testsuite", attributes | {"skipped": str(skipped), "time": f"{result.seconds:.3f}"})
    for test in result.results:
        file, _, name = _xml_text(test.id).partition("::")
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": file, "name": name or file, "time": f"{test.seconds:.3f}"}
        )
        if test.id in unexpected:
            failure = ElementTree.SubElement(case, "failure", {"message": _xml_text(test.reason)})
            failure.text = _xml_text(test.detail)
        elif test.outcome in idle or test.outcome == FAILED:
            ElementTree.SubElement(case, "skipped", {"message": _xml_text(test.reason or test.outcome)})
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


def _xml_text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
