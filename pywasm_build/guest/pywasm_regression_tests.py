"""Run files of CPython's regression test suite in the guest, and write each test's outcome at once.

Started as `python -m pywasm_regression_tests FILE...` with this folder in PYTHONPATH. A file is the name of a module
in the package `test`; the folder PYWASM_SUITE holds plan and events, see pywasm_events. The plan has besides:

    {"resources": ["cpu"],      what test.support.requires() may allow
     "capabilities": [{"name": "test.support.is_wasi", "value": false, "importing": ""}]}   see `admit`

Modules are loaded as test.libregrtest does it. A test's id is `<file>::<Class>.<method>`, or what the test
calls itself if it comes from elsewhere (doctests); the second test of the same name gets ` (2)`.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import itertools
import os
import random
import sys
import time
import traceback
import unittest
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TypeAlias

from pywasm_events import Events, choose, read_plan  # type: ignore[import-not-found]  # found in the guest
from test import support  # type: ignore[import-not-found]  # found in the guest
from test.libregrtest.setup import setup_process  # type: ignore[import-not-found]  # found in the guest
from test.support import os_helper  # type: ignore[import-not-found]  # found in the guest

Error: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]"

# Any number will do: what a test does must not change from one run to the next.
_SEED = 20130313
_TEMPORARY = "/tmp"
_clock = time.perf_counter


class Recorder(unittest.TestResult):
    """Write what becomes of each test.

    unittest reports a test in pieces (subtests, cleanups), and says of a class whose setUpClass fails nothing
    about its tests: these count as failed, or skipped, like the class.
    """

    def __init__(self, events: Events) -> None:
        super().__init__()
        self.buffer = True
        self.any_failed = False
        self._events = events
        self._id = ""
        self._begun = 0.0
        self._started = False
        self._pieces: list[tuple[str, str, str]] = []
        self._of_class: tuple[str, str, str] = ("failed", "never started", "")

    def begin(self, test_id: str) -> None:
        """Take note of the test that comes next; its class and module may have to be set up first."""
        self._events.write("start", id=test_id)
        self._id, self._begun, self._started = test_id, _clock(), False

    def finish(self) -> None:
        """Write the result of the test that has begun."""
        outcome, reason, detail = self._outcome() if self._started else self._of_class
        self._write(self._id, outcome, reason, detail, seconds=_clock() - self._begun)
        self._pieces.clear()

    def _outcome(self) -> tuple[str, str, str]:
        for wanted in ("failed", "xpassed", "xfailed", "passed", "skipped"):
            for piece in self._pieces:
                if piece[0] == wanted:
                    return piece
        return "failed", "unittest said nothing of it", ""

    def _write(self, test_id: str, outcome: str, reason: str, detail: str, *, seconds: float) -> None:
        # unittest takes an unexpected success for a failure.
        self.any_failed |= outcome in ("failed", "xpassed")
        self._events.result(test_id, outcome, seconds=seconds, reason=reason, detail=detail)

    def _add(self, test: Any, outcome: str, reason: str = "", detail: str = "") -> None:
        # Not by the id: that of a subtest has the repr of what is tested, which may raise.
        if isinstance(test, unittest.TestCase):
            self._pieces.append((outcome, reason, detail))
        elif test.description.startswith("setUp"):
            self._of_class = (outcome, f"{test.description}: {reason}", detail)
        else:
            # Of tearDownClass or tearDownModule; the next test has begun already, if there is one.
            file = self._id.partition("::")[0]
            self._write(f"{file}::{test.description}", outcome, reason, detail, seconds=0.0)

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Take note that class and module have been set up."""
        super().startTest(test)
        self._started = True

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, D102 - unittest's
        self._add(test, "passed")

    def addError(self, test: unittest.TestCase, err: Error) -> None:  # noqa: N802, D102 - unittest's
        self._mirrorOutput = True
        self._add(test, "failed", reason_of(err), "".join(traceback.format_exception(*err)))

    addFailure = addError  # noqa: N815 - unittest's name

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802, D102 - unittest's
        self._add(test, "skipped", str(reason))

    def addExpectedFailure(self, test: unittest.TestCase, err: Error) -> None:  # noqa: N802, D102 - unittest's
        self._add(test, "xfailed", reason_of(err))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, D102 - unittest's
        self._add(test, "failed", "unexpected success: CPython expects this test to fail")

    def addSubTest(  # noqa: N802, D102 - unittest's
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: Error | None
    ) -> None:
        if err is None:
            self._add(subtest, "passed")
        else:
            self._mirrorOutput = True
            text = "".join(traceback.format_exception(*err))
            self._add(subtest, "failed", f"{subtest._subDescription()} {reason_of(err)}", text)  # type: ignore[attr-defined]


class FlatSuite(unittest.TestSuite):
    """Run tests one after the other, with the fixtures of their classes, and tell the recorder of each."""

    def __init__(self, tests: list[tuple[str, Any]], recorder: Recorder) -> None:
        super().__init__()
        self._named, self._recorder = tests, recorder

    def __iter__(self) -> Iterator[Any]:
        """Give the tests, each once."""
        while self._named:
            test_id, test = self._named.pop(0)
            self._recorder.begin(test_id)
            yield test
            self._recorder.finish()

    def _removeTestAtIndex(self, index: int) -> None:  # noqa: N802 - unittest's name
        """Do nothing: `__iter__` has let go of the test already."""


def reason_of(error: Error) -> str:
    """Return an exception's last line."""
    lines = traceback.format_exception_only(error[1])
    return lines[-1].strip().partition("\n")[0] if lines else ""


def flatten(suite: Any) -> Iterator[Any]:
    """Give the tests of a suite and of those in it."""
    if isinstance(suite, unittest.TestSuite):
        for inner in suite:
            yield from flatten(inner)
    else:
        yield suite


def named(file: str, tests: list[Any]) -> list[tuple[str, Any]]:
    """Give each test an id of its own."""
    seen: collections.Counter[str] = collections.Counter()
    result = []
    for test in tests:
        name = test.id().removeprefix(f"test.{file}.")
        seen[name] += 1
        number = f" ({seen[name]})" if seen[name] > 1 else ""
        result.append((f"{file}::{name}{number}", test))
    return result


def load(file: str) -> list[tuple[str, Any]]:
    """Import a test file, and give its tests; raises what the import raises."""
    module = importlib.import_module(f"test.{file}")
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromModule(module)
    if loader.errors:
        raise ImportError(str(loader.errors[0]))
    return named(file, list(flatten(suite)))


def admit(name: str, value: bool, importing: str) -> None:
    """Give a flag of test.support another value, for good or while a module is imported.

    Raises ValueError for a flag that has the value anyway.
    """
    module, _, flag = name.rpartition(".")
    owner = importlib.import_module(module)
    if bool(getattr(owner, flag)) == value:
        raise ValueError(f"{name} is {value} anyway")
    if importing:
        with support.swap_attr(owner, flag, value):
            importlib.import_module(importing)
    else:
        setattr(owner, flag, value)


def run_file(file: str, events: Events, plan: dict[str, Any]) -> bool:
    """Run the tests of a file; return whether one failed."""
    begun = _clock()
    events.write("collect", file=file)
    try:
        tests = load(file)
    except BaseException as error:
        skipped = isinstance(error, unittest.SkipTest)
        detail = "" if skipped else "".join(traceback.format_exception(error))
        reason = str(error) if skipped else reason_of((type(error), error, error.__traceback__))  # type: ignore[arg-type]
        outcome = "skipped" if skipped else "failed"
        events.result(file, outcome, seconds=_clock() - begun, reason=reason, detail=detail)
        return not skipped
    events.write("collected")
    if not tests:
        events.result(file, "skipped", seconds=_clock() - begun, reason="it has no tests here")
    chosen = choose(events, plan, [test_id for test_id, _ in tests])
    recorder = Recorder(events)
    wanted = list(itertools.compress(tests, chosen))
    # The suite lets go of each test that has been run; nothing else may hold it.
    del tests
    FlatSuite(wanted, recorder).run(recorder)
    return recorder.any_failed


def hide_runner() -> None:
    """Leave no trace of this runner in the import path: some tests try to write to each folder in it."""
    del sys.path[0]  # the folder in which Python was started
    for folder in os.environ.pop("PYTHONPATH").split(os.pathsep):
        sys.path.remove(folder)


def main() -> int:
    """Run the files that the arguments name, in a temporary folder, as CPython's own runner does."""
    plan, events = read_plan(), Events()
    hide_runner()
    setup_process()
    support.verbose = 0
    support.use_resources = plan["resources"]
    for capability in plan["capabilities"]:
        admit(**capability)
    random.seed(_SEED)
    failed = False
    with os_helper.temp_cwd(f"{_TEMPORARY}/test_python"):
        for file in sys.argv[1:]:
            failed |= run_file(file, events, plan)
            support.gc_collect()
        with contextlib.suppress(OSError):
            os_helper.rmtree(os_helper.TESTFN)
    events.write("end", status=int(failed))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
