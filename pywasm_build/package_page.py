"""Write docs/packages.md from the recipes and the records of their tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.markdown import markdown_table
from pywasm_build.package_record import PASS_RATE, TESTS_PASS, Counts, Record, read_record, staleness
from pywasm_build.progress import human_seconds, human_size
from pywasm_build.recipes import Recipe, Registry, read_registry

PAGE = Path("docs") / "packages.md"
_MODULES = 3
_NONE = "-"


@dataclass(frozen=True, kw_only=True)
class _Package:
    """A recipe and its record; `stale` says what has changed since."""

    recipe: Recipe
    record: Record | None
    stale: str

    @property
    def status(self) -> str:
        if self.record is None:
            return "not tested"
        return f"to be tested again: {self.stale}" if self.stale else self.record.status


def write_packages_page(root: Path, patches: Path) -> Path:
    """Renew docs/packages.md of the checkout `root`; return its path. Raises RecipeError."""
    path = root / PAGE
    path.write_text(packages_page(read_registry(patches)), "utf-8")
    return path


def packages_page(registry: Registry) -> str:
    """Return the page; it changes only if recipes or records do. Raises RecipeError for a damaged record."""
    packages = [_package(recipe) for recipe in registry.packages]
    parts = [
        "# Packages",
        "`bin/inv libs.page` makes this page of the recipes in `patches/` and the test runs that are recorded beside"
        " them; `bin/inv libs.test --all --record` repeats these. Packages that build without a recipe are not listed.",
        _totals(packages),
        f"\"{TESTS_PASS}\" means: the recipe's own test of the compiled part passes, and where upstream's test suite is"
        f" run, at least {PASS_RATE:.0%} of its tests that run pass. An expected failure has run, and has not passed;"
        " the reasons are below. Tests that are not run would hang or end their process, or they are about what the"
        " guest has not, threads and processes above all; the table says how many they are.",
        markdown_table(_HEAD, [_row(one) for one in packages]),
        "Seconds are those of one machine with two processors, which mostly had other builds to do besides; sizes are"
        " those of the wheels.",
        "## Tests that fail",
        _section(packages, ("package", "test", "reason"), _failures),
        "## Tests that are expected to fail",
        _section(packages, ("package", "reason", "tests or patterns", "run"), _expected),
        "## Patches",
        _section(packages, ("package", "patch", "why", "upstream"), _patches),
        "## Native libraries",
        _section(packages, ("package", "libraries that are linked in"), _libraries),
    ]
    return "\n\n".join(parts) + "\n"


def _totals(packages: Sequence[_Package]) -> str:
    passing = [one.record for one in packages if one.record and one.status == TESTS_PASS]
    compiled = [record for record in passing if record.wheel.modules]
    tests = sum(record.own.passed + (record.suite.passed if record.suite else 0) for record in passing)
    return (
        f'{len(passing)} of {len(packages)} packages have the status "{TESTS_PASS}", {len(compiled)} of them are'
        f" compiled. {tests:,} tests pass in them."
    )


_HEAD = (
    "package",
    "version",
    "compiled parts",
    "recipe's test",
    "upstream's passed",
    "failed",
    "expected",
    "skipped",
    "not run",
    "tests took",
    "build took",
    "wheel",
    "status",
)


def _package(recipe: Recipe) -> _Package:
    record = read_record(recipe)
    return _Package(recipe=recipe, record=record, stale=staleness(record, recipe) if record else "")


def _row(one: _Package) -> Sequence[str]:
    recipe, record = one.recipe, one.record
    name = f"{recipe.name} (experimental)" if recipe.experimental else recipe.name
    if record is None:
        return (name, recipe.version, *[_NONE] * (len(_HEAD) - 3), one.status)
    return (
        name,
        recipe.version,
        _modules(record.wheel.modules),
        f"{record.own.failed} failed" if record.own.failed else f"{record.own.passed} passed",
        *_numbers(record.suite),
        human_seconds(record.seconds),
        human_seconds(record.wheel.build_seconds),
        human_size(record.wheel.size),
        one.status,
    )


def _modules(files: Sequence[str]) -> str:
    """Name the first side modules as they are imported."""
    names = [file.partition(".")[0].replace("/", ".") for file in files]
    more = f" and {len(names) - _MODULES} more" if len(names) > _MODULES else ""
    return ", ".join(names[:_MODULES]) + more if names else "none"


def _numbers(suite: Counts | None) -> Sequence[str]:
    if suite is None:
        return [_NONE] * 5
    # Tests that upstream itself marks as failing are no news to anybody.
    skipped = suite.skipped + suite.xfailed
    return [f"{count:,}" for count in (suite.passed, suite.failed, suite.expected, skipped, suite.not_run)]


def _section(
    packages: Iterable[_Package], head: Sequence[str], lines: Callable[[_Package], Iterable[Sequence[str]]]
) -> str:
    return markdown_table(head, [(one.recipe.name, *line) for one in packages for line in lines(one)])


def _failures(one: _Package) -> Iterable[Sequence[str]]:
    return one.record.failures if one.record else ()


def _expected(one: _Package) -> Iterable[Sequence[str]]:
    suite = one.recipe.suite
    for failure in suite.expected_failures if suite else ():
        yield failure.reason, str(len(failure.ids)), "yes" if failure.run else "no"


def _patches(one: _Package) -> Iterable[Sequence[str]]:
    return [(patch.path.name, patch.reason, patch.upstream) for patch in one.recipe.patches]


def _libraries(one: _Package) -> Iterable[Sequence[str]]:
    return [(", ".join(one.recipe.libraries),)] if one.recipe.libraries else []
