"""Run in the guest as a pytest plugin: write each test's outcome at once, leave out what must not run.

The variable PYWASM_SUITE names a folder of this test process alone. In it the host leaves `plan.json`:

    {"modules": ["hypothesis"],     imported first, with placeholders if need be
     "placeholders": ["ctypes"],    modules that the guest may lack; see `placeholders`
     "only": ["pattern of ids"],    if not empty, no other test is run
     "not-run": ["pattern of ids"], tests that must not be run
     "done": ["id"]}                tests that an earlier process has run

and this plugin writes `events.jsonl`, one JSON object a line, flushed at each: what a guest has done before
it traps is not lost.

    {"event": "collect", "file": id}      this file is imported next
    {"event": "collected"}                all files have been
    {"event": "not-run", "id": id}
    {"event": "start", "id": id}
    {"event": "result", "id": id, "outcome": "passed", "seconds": 0.1, "reason": "", "detail": ""}
    {"event": "end", "status": pytest's exit status}

Outcomes are passed, failed, skipped, xfailed and xpassed (the last two: the suite itself expects a failure).
The patterns are fnmatch's; an id without wildcards in it matches itself, whatever brackets it has.
"""

from __future__ import annotations

import builtins
import contextlib
import fnmatch
import importlib
import importlib.util
import json
import os
import sys
import types
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, TextIO

import pytest

FOLDER_VARIABLE = "PYWASM_SUITE"
_DETAIL_CHARACTERS = 8000
_REASON_CHARACTERS = 300


def matches(test_id: str, patterns: Sequence[str]) -> bool:
    """Tell whether one of the patterns means this test."""
    return any(test_id == pattern or fnmatch.fnmatchcase(test_id, pattern) for pattern in patterns)


class Lacking(type):
    """Stand in for what a lacking module would hold: it can be named and subclassed, using it raises."""

    _lacking = ""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse to be called or instantiated."""
        raise ModuleNotFoundError(f"this Python has no module {cls._lacking}", name=cls._lacking)

    def __getattr__(cls, name: str) -> Lacking:
        """Return a stand-in for an attribute."""
        if name.startswith("__"):
            raise AttributeError(name)
        return lacking(cls._lacking, f"{cls.__name__}.{name}")

    def __mul__(cls, count: object) -> Lacking:
        """Return a stand-in: `ctypes.c_char * 8` is a type."""
        return cls

    __rmul__ = __neg__ = __call__


def lacking(module: str, name: str) -> Lacking:
    """Return the stand-in for `module.name`."""
    return Lacking(name, (), {"__module__": module, "_lacking": module})


class Placeholder(types.ModuleType):
    """Stand in for a module that this Python lacks."""

    def __getattr__(self, name: str) -> Lacking:
        """Return a stand-in for what the module would hold."""
        if name.startswith("__"):
            raise AttributeError(name)
        return lacking(self.__name__, name)


@contextlib.contextmanager
def placeholders(names: Sequence[str], importer: str) -> Iterator[None]:
    """Let a file, or those of a folder, import modules that do not exist.

    A test file that imports ctypes for three of its thousand tests would otherwise hide them all; these three
    fail. Nobody but `importer` gets them: code that asks whether there is ctypes must hear the truth.
    """
    real = builtins.__import__

    def importing(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        try:
            return real(name, globals, locals, fromlist or (), level)
        except ModuleNotFoundError:
            if level or name not in names or not str((globals or {}).get("__file__")).startswith(importer):
                raise
            return Placeholder(name)

    builtins.__import__ = importing
    try:
        yield
    finally:
        builtins.__import__ = real


class LenientModule(pytest.Module):
    """Collect a test file; where it cannot be imported, try again with placeholders."""

    lacking_modules: Sequence[str] = ()

    def _getobj(self) -> Any:
        try:
            return super()._getobj()  # type: ignore[no-untyped-call]
        except self.CollectError:
            with placeholders(self.lacking_modules, str(self.path)):
                return super()._getobj()  # type: ignore[no-untyped-call]


class Recorder:
    """Write events, and choose the tests by the plan."""

    def __init__(self, plan: dict[str, Any], stream: TextIO, capture: Any) -> None:
        self._plan = plan
        self._capture = capture
        self._stream = stream
        self._current: dict[str, Any] = {}

    def _write(self, event: str, **fields: object) -> None:
        self._stream.write(json.dumps({"event": event, **fields}) + "\n")
        self._stream.flush()

    def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> pytest.Module:
        """Collect test files in our way."""
        module = LenientModule.from_parent(parent, path=module_path)
        module.lacking_modules = self._plan["placeholders"]
        return module

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Say which file is imported next, in case that ends the process."""
        if isinstance(collector, pytest.Module):
            self._write("collect", file=collector.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be imported, or that skips itself, as one test."""
        if report.outcome != "passed":
            self._begin(report.nodeid)
            self._take(report)
            self._finish()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Drop the tests that the plan does not want."""
        done, only, not_run = set(self._plan["done"]), self._plan["only"], self._plan["not-run"]
        wanted: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item in items:
            if item.nodeid in done or (only and not matches(item.nodeid, only)):
                dropped.append(item)
            elif matches(item.nodeid, not_run):
                self._write("not-run", id=item.nodeid)
                dropped.append(item)
            else:
                wanted.append(item)
        items[:] = wanted
        config.hook.pytest_deselected(items=dropped)

    def pytest_collection_finish(self) -> None:
        """Say that all files have been imported."""
        self._write("collected")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which test runs next, in case it ends the process."""
        self._write("start", id=nodeid)
        self._begin(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one part of a test: setup, call or teardown."""
        self._take(report)
        if report.when == "setup" and report.failed and self._capture is not None:
            # The fixture capfd fails without dup(), but stays active and would fail all the tests after it.
            self._capture.unset_fixture()

    def pytest_runtest_logfinish(self) -> None:
        """Write a test's outcome."""
        self._finish()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, None, None]:
        """Write that all of this process's tests have been run."""
        yield
        self._write("end", status=int(exitstatus))

    def _begin(self, test_id: str) -> None:
        self._current = {"id": test_id, "outcome": "", "seconds": 0.0, "reason": "", "detail": ""}

    def _take(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        current = self._current
        current["seconds"] += getattr(report, "duration", 0.0)
        outcome = _outcome(report)
        if current["outcome"] == "failed" or (outcome == "passed" and current["outcome"]):
            return
        if outcome == "passed" and getattr(report, "when", "") != "call":
            return
        current["outcome"] = outcome
        current["reason"] = _reason(report)[:_REASON_CHARACTERS]
        if outcome == "failed":
            current["detail"] = report.longreprtext[-_DETAIL_CHARACTERS:]

    def _finish(self) -> None:
        current = self._current
        current["seconds"] = round(current["seconds"], 3)
        self._write("result", **{**current, "outcome": current["outcome"] or "failed"})


def _outcome(report: pytest.TestReport | pytest.CollectReport) -> str:
    # pytest marks what it reports about an xfail mark by this attribute.
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.outcome == "passed" else "xfailed"
    return report.outcome


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail)
    text: Any = report.longrepr
    if isinstance(text, tuple):
        return str(text[2])
    crash = getattr(text, "reprcrash", None)
    if crash is not None:
        return str(crash.message).strip().partition("\n")[0]
    # A file that cannot be imported: the exception stands in the last line.
    return (str(text).strip().rpartition("\n")[2].removeprefix("E").strip()) if text else ""


def _plan() -> dict[str, Any]:
    with open(f"{os.environ[FOLDER_VARIABLE]}/plan.json", encoding="utf-8") as file:  # noqa: PTH123 - in the guest
        plan: dict[str, Any] = json.load(file)
    return plan


def _import_leniently(name: str, lacking_modules: Sequence[str]) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        # What was imported of it before it failed would be found, but not as an attribute of the package.
        for half in [one for one in sys.modules if one.startswith(f"{name}.")]:
            del sys.modules[half]
        found = importlib.util.find_spec(name)
        if found is None or not found.origin:
            raise
        with placeholders(lacking_modules, os.path.dirname(found.origin)):  # noqa: PTH120 - in the guest
            importlib.import_module(name)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Import the modules that the suite's conftest files need, with placeholders where it must be."""
    plan = _plan()
    for name in plan["modules"]:
        _import_leniently(name, plan["placeholders"])


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record; mend what pytest takes for granted."""
    if not hasattr(os, "getuid"):
        # tmp_path asks it whose temporary folder is whose; None is its own answer for systems without users.
        pytest.MonkeyPatch().setattr("_pytest.tmpdir.get_user_id", lambda: None)
    path = f"{os.environ[FOLDER_VARIABLE]}/events.jsonl"
    stream = open(path, "a", encoding="utf-8")  # noqa: PTH123, SIM115 - closed with the process
    capture = config.pluginmanager.get_plugin("capturemanager")
    config.pluginmanager.register(Recorder(_plan(), stream, capture), "pywasm-recorder")
