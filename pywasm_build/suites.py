"""Run a package's own test suite in the guest: pytest in several python-wasm processes at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pywasm_build.context import Context
from pywasm_build.errors import RecipeError
from pywasm_build.packages import PackageBuilder
from pywasm_build.recipes import Recipe, Suite
from pywasm_build.suite_packages import suite_packages
from pywasm_build.suite_pytest import GuestPython, PytestHarness
from pywasm_build.suite_report import SuiteResult, known_seconds
from pywasm_build.suite_run import run_harness
from pywasm_build.suite_shares import divide, find_test_files, select
from pywasm_build.suite_sources import SuiteTree, sdist_tests

_OWN_SECONDS = 600


def guest_python(context: Context, suite: Suite) -> GuestPython:
    """Return the guest of this checkout, or of PYWASM_RUNTIME, with what a suite needs."""
    named = context.environ.get("PYWASM_RUNTIME")
    return GuestPython(
        program=context.workspace.root / "bin" / "python-wasm",
        root=Path(named) if named else context.workspace.runtime,
        packages=suite_packages(context, ["pytest", *suite.requires]),
    )


def run_suite(
    context: Context,
    recipe: Recipe,
    *,
    jobs: int,
    selection: Sequence[str] = (),
    guest: GuestPython | None = None,
    builder: PackageBuilder | None = None,
) -> SuiteResult:
    """Run the test suite of an installed package, `jobs` processes at once, and write its reports.

    selection: patterns of test files or test ids; empty for the whole suite.
    guest, builder: where the tests run, and what knows where the sdist is; those of this checkout by default.

    Raises UsageError for a package that is not installed or a selection that means nothing, RecipeError for a
    recipe without [test] or with sources that the sdist does not have. Failing tests raise nothing: see SuiteResult.ok.
    """
    if recipe.suite is None:
        raise RecipeError(f"the recipe of {recipe.name} has no [test]")
    guest = guest or guest_python(context, recipe.suite)
    suite, sources = recipe.suite, sdist_tests(context, recipe, builder)
    report = context.workspace.reports / f"{recipe.name}.json"
    where, names = (sources.root, sources.names) if sources else (guest.site_packages, suite.packages)
    shares = divide(select(find_test_files(where, names, suite.files), selection), known_seconds(report), jobs=jobs)
    harness = PytestHarness(name=recipe.name, suite=suite, guest=guest, selection=selection, sources=sources)
    return run_harness(context, harness, shares, version=recipe.version, complete=not selection, jobs=jobs)


def run_own_test(context: Context, recipe: Recipe, *, guest: GuestPython | None = None) -> SuiteResult:
    """Run the test of a recipe, which tries the installed package; raises RecipeError if it has none."""
    if not recipe.smoke_test.is_file():
        raise RecipeError(f"the recipe of {recipe.name} has no test: write {recipe.smoke_test}")
    files = (recipe.smoke_test.name,)
    suite = Suite(
        requires=(),
        sources=files,
        files=files,
        arguments=(),
        environment={},
        timeout=_OWN_SECONDS,
        expected_failures=(),
    )
    harness = PytestHarness(
        name=f"{recipe.name}.recipe",
        suite=suite,
        guest=guest or guest_python(context, suite),
        selection=(),
        sources=SuiteTree(root=recipe.folder, names=files),
    )
    return run_harness(context, harness, [files], version=recipe.version, complete=True, jobs=1)
