"""Test packages in the sandbox: the recipe's own test, then upstream's suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.context import Context
from pywasm_build.errors import RecipeError, UsageError, did_you_mean
from pywasm_build.installed import install_packages, installed_releases, package_builder, parse_names
from pywasm_build.package_record import counts_of, make_record, status, write_record
from pywasm_build.packages import PackageBuilder
from pywasm_build.progress import human_seconds
from pywasm_build.recipes import Recipe, Registry
from pywasm_build.suite_pytest import GuestPython
from pywasm_build.suite_report import SuiteResult, summary
from pywasm_build.suites import run_own_test, run_suite


@dataclass(frozen=True, kw_only=True)
class PackageResult:
    """What became of one package: results of the recipe's test and of upstream's suite, or why there are none."""

    recipe: Recipe
    own: SuiteResult | None = None
    suite: SuiteResult | None = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Every test did what the recipe expects."""
        return self.own is not None and self.own.ok and (self.suite is None or self.suite.ok)

    @property
    def verdict(self) -> str:
        """What a table says of it in a few words."""
        if self.own is None:
            return self.problem
        text = status(counts_of(self.own), counts_of(self.suite) if self.suite else None)
        failed = len(self.suite.failed) if self.suite else 0
        stale = len(self.suite.stale) if self.suite else 0
        text += f"; {failed} unexpected failures" if failed else ""
        return text + (f"; {stale} stale expected failures" if stale else "")


def choose_packages(registry: Registry, names: Sequence[str]) -> list[Recipe]:
    """Return the recipes of packages that a user named, such as "numpy" or "numpy==2.5.5".

    Raises RecipeError for one that has no recipe, or one for another version.
    """
    chosen = []
    for requirement in parse_names(names):
        recipe = registry.find(requirement.name)
        if recipe is None or recipe.kind != "package":
            hint = did_you_mean(requirement.name, [r.name for r in registry.packages])
            raise RecipeError(f"{requirement.name} has no recipe, and so no test{hint}")
        if not requirement.specifier.contains(recipe.version, prereleases=True):
            raise RecipeError(f"{requirement} cannot be tested: the recipe of {recipe.name} is for {recipe.version}")
        chosen.append(recipe)
    return chosen


def test_packages(
    context: Context,
    recipes: Sequence[Recipe],
    *,
    jobs: int,
    selection: Sequence[str] = (),
    record: bool = False,
    builder: PackageBuilder | None = None,
    guest: GuestPython | None = None,
) -> list[PackageResult]:
    """Install what is missing, and test one package after the other; print what comes of each.

    What fails does not stop the others: see PackageResult.ok.

    selection: patterns of upstream's test files or test ids; empty for the whole suites.
    record: keep the result of each package beside its recipe.
    builder, guest: what builds the packages, and where the tests run; those of this checkout by default.
    """
    builder = builder or package_builder(context)
    problems = _install(context, recipes, builder)
    tested = []
    for recipe in recipes:
        problem = problems.get(canonicalize_name(recipe.name), "")
        run = _Run(context=context, builder=builder, jobs=jobs, selection=selection, guest=guest)
        one = PackageResult(recipe=recipe, problem=problem) if problem else run.test(recipe)
        tested.append(one)
        print(f"{recipe.name} {recipe.version}: {one.verdict}", flush=True)
        if record and one.own:
            wheel = _wheel_of(builder, recipe)
            made = make_record(recipe, builder.environment.host.version, wheel, one.own, one.suite)
            print(f"recorded in {context.display(write_record(made, recipe))}", flush=True)
    return tested


test_packages.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a test


def result_rows(tested: Sequence[PackageResult]) -> list[tuple[str, ...]]:
    """Return the rows of the closing table under `RESULT_HEAD`."""
    return [_row(one) for one in tested]


RESULT_HEAD = ("package", "version", "own test", "passed", "failed", "expected", "skipped", "not run", "time", "result")


def _row(one: PackageResult) -> tuple[str, ...]:
    head = (one.recipe.name, one.recipe.version)
    if one.own is None:
        return (*head, *["-"] * 7, one.problem)
    own, suite = counts_of(one.own), counts_of(one.suite) if one.suite else None
    ours = f"{own.failed} failed" if own.failed else f"{own.passed} passed"
    numbers = (suite.passed, suite.failed, suite.expected, suite.skipped, suite.not_run) if suite else ("-",) * 5
    seconds = one.own.seconds + (one.suite.seconds if one.suite else 0)
    return (*head, ours, *map(str, numbers), human_seconds(seconds), one.verdict)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What the test of each package has in common."""

    context: Context
    builder: PackageBuilder
    jobs: int
    selection: Sequence[str]
    guest: GuestPython | None

    def test(self, recipe: Recipe) -> PackageResult:
        """Run both tests of a package; a recipe that is wrong is the result of this package alone."""
        try:
            own = run_own_test(self.context, recipe, guest=self.guest)
            if not own.ok:
                self._show(own)
            if recipe.suite is None:
                return PackageResult(recipe=recipe, own=own)
            suite = run_suite(
                self.context, recipe, jobs=self.jobs, selection=self.selection, guest=self.guest, builder=self.builder
            )
        except (RecipeError, UsageError) as error:
            return PackageResult(recipe=recipe, problem=f"not tested: {error}")
        self._show(suite)
        return PackageResult(recipe=recipe, own=own, suite=suite)

    def _show(self, result: SuiteResult) -> None:
        print(summary(result, self.context.display(result.report) if result.report else "none"), flush=True)


def _install(context: Context, recipes: Sequence[Recipe], builder: PackageBuilder) -> Mapping[str, str]:
    """Install what is missing; return by name why a package could not be had."""
    present = {release.name: release.version for release in installed_releases(context)}
    lacking = [recipe for recipe in recipes if present.get(canonicalize_name(recipe.name)) != recipe.version]
    wanted = [Requirement(f"{recipe.name}=={recipe.version}") for recipe in lacking]
    # Without any it renews what is installed: a recipe may have changed since.
    done = install_packages(context, wanted, experimental=True, keep_going=True, builder=builder)
    return {failure.name: f"not built: {failure.reason}" for failure in done.failures}


def _wheel_of(builder: PackageBuilder, recipe: Recipe) -> Path:
    job = builder.choose(Requirement(f"{recipe.name}=={recipe.version}"), experimental=True)
    return builder.build(job).path
