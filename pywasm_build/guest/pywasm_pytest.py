"""Run in the guest as a pytest plugin: write each test's outcome at once, leave out what must not run.

The folder PYWASM_SUITE holds plan and events, see pywasm_events. The plan has besides:

    {"modules": ["hypothesis"],     imported first, with placeholders if need be
     "placeholders": ["ctypes"]}    modules that the guest may lack; see `placeholders`
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import pytest
from pywasm_events import Events, choose, read_plan  # type: ignore[import-not-found]  # found in the guest


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

    def __init__(self, plan: dict[str, Any], events: Events, capture: Any) -> None:
        self._plan = plan
        self._capture = capture
        self._events = events
        self._current: dict[str, Any] = {}

    def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> pytest.Module:
        """Collect test files in our way."""
        module = LenientModule.from_parent(parent, path=module_path)
        module.lacking_modules = self._plan["placeholders"]
        return module

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Say which file is imported next, in case that ends the process."""
        if isinstance(collector, pytest.Module):
            self._events.write("collect", file=collector.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be imported, or that skips itself, as one test."""
        if report.outcome != "passed":
            self._begin(report.nodeid)
            self._take(report)
            self._finish()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Drop the tests that the plan does not want."""
        chosen = choose(self._events, self._plan, [item.nodeid for item in items])
        wanted = [item for item, is_wanted in zip(items, chosen, strict=True) if is_wanted]
        dropped = [item for item, is_wanted in zip(items, chosen, strict=True) if not is_wanted]
        items[:] = wanted
        config.hook.pytest_deselected(items=dropped)

    def pytest_collection_finish(self) -> None:
        """Say that all files have been imported."""
        self._events.write("collected")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which test runs next, in case it ends the process."""
        self._events.write("start", id=nodeid)
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
        self._events.write("end", status=int(exitstatus))

    def _begin(self, test_id: str) -> None:
        self._current = {"test_id": test_id, "outcome": "", "seconds": 0.0, "reason": "", "detail": ""}

    def _take(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        current = self._current
        current["seconds"] += getattr(report, "duration", 0.0)
        outcome = _outcome(report)
        if current["outcome"] == "failed" or (outcome == "passed" and current["outcome"]):
            return
        if outcome == "passed" and getattr(report, "when", "") != "call":
            return
        current["outcome"] = outcome
        current["reason"] = _reason(report)
        if outcome == "failed":
            current["detail"] = report.longreprtext

    def _finish(self) -> None:
        current = self._current
        self._events.result(**{**current, "outcome": current["outcome"] or "failed"})


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
    plan = read_plan()
    for name in plan["modules"]:
        _import_leniently(name, plan["placeholders"])


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record; mend what pytest takes for granted."""
    if not hasattr(os, "getuid"):
        # tmp_path asks it whose temporary folder is whose; None is its own answer for systems without users.
        pytest.MonkeyPatch().setattr("_pytest.tmpdir.get_user_id", lambda: None)
    capture = config.pluginmanager.get_plugin("capturemanager")
    config.pluginmanager.register(Recorder(read_plan(), Events(), capture), "pywasm-recorder")
