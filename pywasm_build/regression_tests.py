"""Run CPython's own regression test suite in the guest, each test file in a process of python-wasm.

Which tests exist, how they are loaded and what they may use follows CPython's own runner, test.libregrtest; what
runs them in the guest is guest/pywasm_regression_tests.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.command import Argument, Changes
from pywasm_build.context import Context
from pywasm_build.cpython import HostPython
from pywasm_build.errors import RecipeError, UsageError, did_you_mean
from pywasm_build.recipes import ExpectedFailure
from pywasm_build.regression_files import (
    Selection,
    find_regression_tests,
    require_tests,
    select_regression_tests,
)
from pywasm_build.regression_page import compatibility_page
from pywasm_build.regression_root import regression_root, test_folder
from pywasm_build.regression_settings import RegressionSettings, read_regression_settings
from pywasm_build.suite_report import Pattern, SuiteResult, known_seconds, summary
from pywasm_build.suite_run import GUEST_PLUGINS, guest_options, run_harness

NAME = "cpython"
SETTINGS = Path("third-party") / "cpython-tests.toml"
PAGE = Path("docs") / "compatibility.md"


@dataclass(frozen=True, kw_only=True)
class RegressionHarness:
    """Run test files of CPython with the runtime root that has them."""

    program: Path
    root: Path
    settings: RegressionSettings
    selection: Selection
    name: str = NAME

    @property
    def expected_failures(self) -> Sequence[ExpectedFailure]:
        """The tests that the settings expect to fail."""
        return self.settings.expected_failures

    @property
    def environment(self) -> Changes:
        """The runtime root that python-wasm shall use."""
        return {"PYWASM_RUNTIME": str(self.root)}

    def timeout(self, files: Sequence[str]) -> int:
        """Return the seconds that the settings give these files."""
        return sum(self.settings.timeouts.get(file, self.settings.timeout) for file in files)

    def plan(self, files: Sequence[str]) -> Mapping[str, object]:
        """Return what the runner in the guest has to know."""
        return {
            "resources": self.settings.resources,
            "capabilities": [
                {"name": one.name, "value": one.value, "importing": one.importing}
                for one in self.settings.capabilities
                if any(_matches(file, one.files) for file in files)
            ],
            "only": self.selection.patterns,
        }

    def working_folder(self, folder: Path) -> Path:
        """Return the folder of the process."""
        return folder

    def command(self, folder: Path, files: Sequence[str]) -> Sequence[Argument]:
        """Return the command that runs these files."""
        environment = {
            "PYTHONPATH": GUEST_PLUGINS,
            # Some tests look whether Python writes what python-wasm tells it not to write.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        return [self.program, *guest_options(folder, environment), "-m", "pywasm_regression_tests", *files]


def test_cpython(context: Context, host: HostPython, names: Sequence[str], *, jobs: int, write: bool = False) -> bool:
    """Run the regression test suite of CPython for wasm, print and return whether all is well.

    names: test files or test ids; empty for the whole suite.
    write: replace docs/compatibility.md, which only the whole suite can do.

    Raises UsageError for a name that means nothing.
    """
    if write and names:
        raise UsageError(f"--write needs the whole suite: {PAGE} is about all tests; leave --name out")
    settings = read_regression_settings(context.workspace.root / SETTINGS)
    root = regression_root(context, host, settings.modules)
    result = run_regression_tests(context, host, settings, root, names, jobs=jobs)
    print(summary(result, context.display(result.report) if result.report else "none"))
    if write:
        path = context.workspace.root / PAGE
        path.write_text(compatibility_page(result, settings.expected_failures), "utf-8")
        print(f"wrote {context.display(path)}")
    return result.ok


test_cpython.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a test


def run_regression_tests(
    context: Context, host: HostPython, settings: RegressionSettings, root: Path, names: Sequence[str], *, jobs: int
) -> SuiteResult:
    """Run test files of the runtime root `root`, `jobs` processes at once, and write the reports."""
    tests = test_folder(root, host)
    files = find_regression_tests(tests, settings.split)
    _refuse_stale(settings, files)
    selection = select_regression_tests(names, files)
    idle = _not_to_be_run(selection.files, settings.expected_failures)
    shares = _longest_first(selection.files, idle, known_seconds(context.workspace.reports / f"{NAME}.json"))
    program = context.workspace.root / "bin" / "python-wasm"
    harness = RegressionHarness(program=program, root=root, settings=settings, selection=selection)
    result = run_harness(context, harness, shares, version=host.version, complete=not names, jobs=jobs, idle=idle)
    require_tests(selection, result.results, tests)
    return result


def _refuse_stale(settings: RegressionSettings, files: Mapping[str, int]) -> None:
    """Raise RecipeError for what the settings say of files that this CPython does not have."""
    named = [*settings.timeouts, *(pattern for one in settings.capabilities for pattern in one.files)]
    for name in named:
        if not any(_matches(file, [name]) for file in files):
            raise RecipeError(f"{SETTINGS}: {name!r} means no test file of this CPython{did_you_mean(name, files)}")


def _not_to_be_run(files: Mapping[str, int], expected: Sequence[ExpectedFailure]) -> list[str]:
    """Return the files of which no test may be run."""
    patterns = [one for failure in expected if not failure.run for one in failure.ids if "::" not in one]
    return [file for file in files if _matches(file, patterns)]


def _matches(file: str, patterns: Sequence[str]) -> bool:
    return any(Pattern(pattern).matches(file) for pattern in patterns)


def _longest_first(files: Mapping[str, int], idle: Sequence[str], known: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Return one share for each file, so that all workers are busy to the end.

    known: seconds of files in an earlier run; a new file comes first, the biggest before the others.
    """
    ordered = sorted(files, key=lambda file: (-known.get(file, float("inf")), -files[file]))
    return [(file,) for file in ordered if file not in idle]
