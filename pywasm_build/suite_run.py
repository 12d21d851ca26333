"""Run the shares of a test suite in processes of python-wasm, several at once, and bring each test to a result.

How a process is started, and what runs the tests in it, is a harness's affair. What it has done is known from the
file of events that guest/pywasm_events.py writes, so a test that traps or hangs costs only itself: it counts as
failed, and the rest of the share is run again without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pywasm_build.command import Argument, Changes, in_parallel
from pywasm_build.context import Context
from pywasm_build.errors import CommandFailed
from pywasm_build.lock import locked
from pywasm_build.progress import Status
from pywasm_build.recipes import ExpectedFailure
from pywasm_build.suite_report import Pattern, SuiteResult, judge, write_reports
from pywasm_build.suite_results import FAILED, NOT_RUN, PASSED, EventLog, TestResult

PLUGINS = Path(__file__).resolve().parent / "guest"
# Where the guest sees them.
GUEST_PLUGINS = "/test-plugins"
# Exit statuses of a test runner that came to its end (pytest's): all passed, some failed, there were none.
_ORDERLY = (0, 1, 5)
# A file whose tests end their process again and again is given up; each time costs a start of Python and imports.
_MOST_ENDINGS = 25
_TAIL_CHARACTERS = 4000
_TICK_SECONDS = 0.5


class Harness(Protocol):
    """How the tests of one suite are run in the guest."""

    @property
    def name(self) -> str:
        """The name of what is tested; the report's file name."""

    @property
    def expected_failures(self) -> Sequence[ExpectedFailure]:
        """The tests that are known to fail."""

    @property
    def environment(self) -> Changes:
        """Changes to the environment of python-wasm itself."""

    def timeout(self, files: Sequence[str]) -> int:
        """Return the seconds after which a process with these test files is ended."""

    def plan(self, files: Sequence[str]) -> Mapping[str, object]:
        """Return what the runner in the guest has to know besides the tests that are not to be run."""

    def command(self, folder: Path, files: Sequence[str]) -> Sequence[Argument]:
        """Return the command that runs these test files, with `folder` for plan and events."""


def guest_options(folder: Path, environment: Mapping[str, str]) -> Sequence[Argument]:
    """Return options of python-wasm: these variables, our plugins, and `folder` for plan and events."""
    variables = {"PYWASM_SUITE": "/suite", **environment}
    return [
        *(word for name, value in variables.items() for word in ("--env", f"{name}={value}")),
        *("--dir", f"{folder}:/suite", "--dir", f"{PLUGINS}:{GUEST_PLUGINS}:ro"),
    ]


def run_harness(
    context: Context,
    harness: Harness,
    shares: Sequence[Sequence[str]],
    *,
    version: str,
    complete: bool,
    jobs: int,
    idle: Sequence[str] = (),
) -> SuiteResult:
    """Run shares of test files, `jobs` processes at once; judge the results and write the reports.

    complete: the shares are the whole suite.
    idle: files that must not be run; each is one result.
    """
    name, reports = harness.name, context.workspace.reports
    started = time.monotonic()
    with locked(context.workspace.build / f"suite-{name}.lock", what=f"{name}'s test report"):
        run = SuiteRun(context, harness)
        run.run(shares, jobs=jobs)
        result = judge(
            [*run.results, *(TestResult(id=file, outcome=NOT_RUN) for file in idle)],
            harness.expected_failures,
            name=name,
            version=version,
            complete=complete,
            seconds=time.monotonic() - started,
            jobs=jobs,
        )
        # A selection must not replace what is known of the whole suite.
        report = write_reports(result, reports if complete else reports / "selection")
    return dataclasses.replace(result, report=report)


@dataclass(kw_only=True)
class _Share:
    """The test files that are left for one process, what others came to, and the events of the present process.

    endings: how often the first file that is left has ended its process; such a file runs alone.
    """

    number: int
    files: list[str]
    results: dict[str, TestResult] = field(default_factory=dict)
    events: EventLog | None = None
    processes: int = 0
    endings: int = 0

    @property
    def next_files(self) -> list[str]:
        """The files of the next process."""
        return self.files[:1] if self.endings else self.files


class SuiteRun:
    """One run of a suite: its shares, their results, and the progress line."""

    def __init__(self, context: Context, harness: Harness) -> None:
        self._context, self._harness = context, harness
        self._expected = [Pattern(text) for failure in harness.expected_failures for text in failure.ids]
        self._folder = context.workspace.build / f"suite-{harness.name}"
        self._logs = context.workspace.logs / f"test-{harness.name}"
        self._total = 0
        self._shares: list[_Share] = []
        self._lock = threading.Lock()

    @property
    def results(self) -> list[TestResult]:
        """The results of all shares."""
        return [result for share in self._shares for result in share.results.values()]

    def run(self, shares: Sequence[Sequence[str]], *, jobs: int) -> None:
        """Run the shares, `jobs` at once."""
        for folder in (self._folder, self._logs):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self._shares = [_Share(number=number, files=list(files)) for number, files in enumerate(shares)]
        self._total = sum(map(len, shares))
        calls = [functools.partial(self._run_share, share) for share in self._shares]
        with Status(f"test suite of {self._harness.name}") as status, self._ticking(status):
            in_parallel(self._context.runner, calls, jobs=jobs)
        shutil.rmtree(self._folder)

    def _run_share(self, share: _Share) -> None:
        """Run processes until each test of the share has a result."""
        while share.files:
            files, before = share.next_files, len(share.results)
            how = self._run_process(share, files)
            events = share.events
            assert events is not None
            with self._lock:
                events.read()
                share.results.update(events.results)
            if how and events.ended not in _ORDERLY:
                self._cope(share, files, events.current, how, progress=len(share.results) > before)
            else:
                if how:
                    self._fail(share, files[0], f"after the last test: {how}")
                self._drop(share, files)
            share.processes += 1

    def _cope(self, share: _Share, files: Sequence[str], culprit: str, how: str, *, progress: bool) -> None:
        """Count the test or file that was under way as failed; leave in the share what is to be run again."""
        file, is_test, _ = culprit.partition("::")
        if file in files:
            self._fail(share, culprit, how)
            if not is_test:
                self._drop(share, [file])
                return
            # All files are imported before the first test runs, and tests run in the order of the files.
            self._drop(share, files[: files.index(file)])
            share.endings += 1
        if share.endings > _MOST_ENDINGS or not (file in files or progress):
            # Whatever it is, it will not get better.
            unfinished = [file] if file in files else files
            for one in unfinished:
                self._fail(share, one, f"not finished: {how}")
            self._drop(share, unfinished)

    def _drop(self, share: _Share, files: Sequence[str]) -> None:
        if files:
            share.files = [one for one in share.files if one not in files]
            share.endings = 0

    def _run_process(self, share: _Share, files: Sequence[str]) -> str:
        """Run one process for what has no result yet; return how it went wrong, "" if it did not."""
        folder = self._folder / f"{share.number:03}-{share.processes:02}"
        folder.mkdir()
        plan = {
            "only": [],
            "not-run": [id_ for e in self._harness.expected_failures if not e.run for id_ in e.ids],
            "done": [id_ for id_, result in share.results.items() if "::" in id_],
            **self._harness.plan(files),
        }
        (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
        share.events = EventLog(folder / "events.jsonl")
        log = self._log(share)
        command, timeout = self._harness.command(folder, files), self._harness.timeout(files)
        try:
            done = self._context.runner.run(
                command, cwd=folder, env=self._harness.environment, log=log, check=False, timeout=timeout
            )
        except CommandFailed as error:
            if error.returncode is not None:
                raise
            return f"timed out after {timeout} s"
        with self._lock:
            share.events.read()
        if share.events.ended in _ORDERLY and done.returncode in _ORDERLY:
            return ""
        return how_it_ended(_read(log).splitlines(), done.returncode)

    def _fail(self, share: _Share, culprit: str, how: str) -> None:
        detail = _read(self._log(share))[-_TAIL_CHARACTERS:]
        with self._lock:
            share.results[culprit] = TestResult(id=culprit, outcome=FAILED, reason=how, detail=detail)

    def _log(self, share: _Share) -> Path:
        return self._logs / f"{share.number:03}-{share.processes:02}.log"

    @contextlib.contextmanager
    def _ticking(self, status: Status) -> Iterator[None]:
        """Keep the progress line up to date from a thread of its own: the others wait for processes."""
        stop = threading.Event()

        def tick() -> None:
            while not stop.wait(_TICK_SECONDS):
                status.update(self._progress())

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _progress(self) -> str:
        with self._lock:
            counts: Counter[str] = Counter()
            left = 0
            for share in self._shares:
                left += len(share.files)
                results = dict(share.results)
                if share.events is not None:
                    share.events.read()
                    results |= share.events.results
                counts.update(map(self._kind, results.values()))
        return f"{self._total - left}/{self._total} files, {counts[PASSED]} passed, {counts[FAILED]} failed"

    def _kind(self, result: TestResult) -> str:
        """Return the outcome, with expected failures apart: the progress line must not alarm for nothing."""
        expected = result.outcome == FAILED and any(p.matches(result.id) for p in self._expected)
        return "expected" if expected else result.outcome


def how_it_ended(lines: Sequence[str], status: int) -> str:
    """Return what python-wasm says of a trap in its last lines, else the exit status of the process."""
    for line in reversed(lines):
        _, found, reason = line.partition("python-wasm: the guest trapped: ")
        if found:
            return f"trapped: {reason}"
    return f"ended its process with status {status}"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
