"""Run a package's test suite in the guest with pytest, and our plugin in it (guest/pywasm_pytest.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.command import Argument, Changes
from pywasm_build.errors import UsageError
from pywasm_build.recipes import ExpectedFailure, Suite
from pywasm_build.suite_packages import INNER, PYTEST
from pywasm_build.suite_run import GUEST_PLUGINS, guest_options
from pywasm_build.suite_sources import SuiteTree

_PYTEST = (*PYTEST, "-p", "pywasm_pytest", "--continue-on-collection-errors", "--tb=short")


@dataclass(frozen=True, kw_only=True)
class GuestPython:
    """How to run the guest: the program python-wasm, its runtime root, the product with the test packages."""

    program: Path
    root: Path
    packages: Path

    @property
    def site_packages(self) -> Path:
        """The runtime root's site-packages."""
        found = sorted(self.root.glob("usr/lib/python*/site-packages"))
        if len(found) != 1:
            raise UsageError(f"{self.root} has no site-packages; make the runtime root with bin/inv runtime")
        return found[0]


@dataclass(frozen=True, kw_only=True)
class PytestHarness:
    """Run the test files of one package.

    selection: patterns of files or test ids, empty for all.
    sources: where the tests are if they are not installed.
    """

    name: str
    suite: Suite
    guest: GuestPython
    selection: Sequence[str]
    sources: SuiteTree | None = None

    @property
    def expected_failures(self) -> Sequence[ExpectedFailure]:
        """The tests that the recipe expects to fail."""
        return self.suite.expected_failures

    @property
    def environment(self) -> Changes:
        """No changes: PYWASM_RUNTIME, if it is set, holds for python-wasm too."""
        return {}

    def timeout(self, files: Sequence[str]) -> int:
        """Return the recipe's timeout, in seconds."""
        return self.suite.timeout

    def plan(self, files: Sequence[str]) -> Mapping[str, object]:
        """Return which tests the plugin shall run."""
        if not any("::" in one for one in self.selection):
            return {"only": []}
        # A pattern without `::` means whole files, and they have been chosen already.
        return {"only": [*self.selection, *(f"{one}::*" for one in self.selection if "::" not in one)]}

    def working_folder(self, folder: Path) -> Path:
        """Return the folder of the process; for tests of an sdist what looks like its top, so that they find files."""
        return self.sources.lay_out(folder) if self.sources else folder

    def command(self, folder: Path, files: Sequence[str]) -> Sequence[Argument]:
        """Return the command that runs pytest on these files."""
        guest = self.guest
        top = self.sources.top if self.sources else f"/{guest.site_packages.relative_to(guest.root).as_posix()}"
        environment = {
            "PYTHONPATH": f"/test-packages/{INNER.as_posix()}:{GUEST_PLUGINS}",
            # Not each suite wants the plugin of each test package; a recipe names its own by -p.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **self.suite.environment,
        }
        return [
            guest.program,
            *guest_options(folder, environment),
            *("--dir", f"{guest.packages}:/test-packages:ro"),
            *(self.sources.mounts(folder) if self.sources else ()),
            *_PYTEST,
            # Settings of the sdist are for upstream's own way to run its tests; the recipe has those that it needs.
            *(("-c", "/dev/null", f"--confcutdir={top}") if self.sources else ()),
            *self.suite.arguments,
            f"--rootdir={top}",
            *(f"{top}/{file}" for file in files),
        ]
