"""Test installed packages in the sandbox, and tell what state the packages of the registry are in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.context import Context
from pywasm_build.errors import RecipeError, did_you_mean
from pywasm_build.installed import install_packages, installed_releases, parse_names
from pywasm_build.progress import human_seconds
from pywasm_build.recipes import Recipe, read_registry
from pywasm_build.suite_packages import INNER, PYTEST, suite_packages
from pywasm_build.suite_report import summary
from pywasm_build.suites import run_suite

_SMOKE_SECONDS = 600


def test_package(context: Context, name: str, *, jobs: int, selection: Sequence[str] = ()) -> bool:
    """Install a package if need be, run its recipe's test and upstream's suite; print and return whether all is well.

    selection: patterns of upstream's test files or test ids; empty for the whole suite.
    """
    (requirement,) = parse_names([name])
    registry = read_registry(context.workspace.patches)
    recipe = registry.find(requirement.name)
    if recipe is None or recipe.kind != "package":
        hint = did_you_mean(requirement.name, [r.name for r in registry.packages])
        raise RecipeError(f"{requirement.name} has no recipe, and so no test{hint}")
    if not requirement.specifier.contains(recipe.version, prereleases=True):
        raise RecipeError(f"{requirement} cannot be tested: the recipe of {recipe.name} is for {recipe.version}")
    releases = {release.name: release.version for release in installed_releases(context)}
    if releases.get(canonicalize_name(recipe.name)) != recipe.version:
        install_packages(context, [Requirement(f"{recipe.name}=={recipe.version}")], experimental=True)
    passed = _run_recipe_test(context, recipe)
    print(f"{recipe.name} {recipe.version}: the recipe's test {'passed' if passed else 'FAILED'}", flush=True)
    if recipe.suite is None:
        return passed
    result = run_suite(context, recipe, jobs=jobs, selection=selection)
    print(summary(result, context.display(result.report) if result.report else "none"))
    return passed and result.ok


test_package.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a test


def _run_recipe_test(context: Context, recipe: Recipe) -> bool:
    if not recipe.smoke_test.is_file():
        raise RecipeError(f"the recipe of {recipe.name} has no test: write {recipe.smoke_test}")
    packages = suite_packages(context, ["pytest"])
    log = context.workspace.log(f"test-{recipe.name}")
    log.unlink(missing_ok=True)
    done = context.runner.run(
        [
            context.workspace.root / "bin" / "python-wasm",
            *("--dir", f"{packages}:/test-packages:ro", "--dir", f"{recipe.folder}:/recipe:ro"),
            *("--env", f"PYTHONPATH=/test-packages/{INNER}"),
            # The plugins of the other test packages need modules that the guest may lack.
            *("--env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"),
            *PYTEST,
            f"/recipe/{recipe.smoke_test.name}",
        ],
        cwd=context.workspace.root,
        log=log,
        capture=True,
        check=False,
        timeout=_SMOKE_SECONDS,
    )
    if done.returncode:
        print(done.stdout, end="")
        print(f"the full log is {context.display(log)}")
    return done.returncode == 0


def list_packages(context: Context) -> list[tuple[str, str, str, str, str]]:
    """Return a line for each package of the registry and each installed one.

    Its columns: name, version, state (installed or not; experimental), number of patches, results of its suite.
    """
    installed = {release.name: release.version for release in installed_releases(context)}
    lines = []
    recipes = read_registry(context.workspace.patches).packages
    for recipe in recipes:
        version = installed.pop(canonicalize_name(recipe.name), None)
        state = "installed" if version else "not installed"
        if version and version != recipe.version:
            state = f"{version} installed"
        if recipe.experimental:
            state += ", experimental"
        result = _suite_result(context.workspace.reports / f"{recipe.name}.json")
        lines.append((recipe.name, recipe.version, state, str(len(recipe.patches)), result))
    lines += [(name, version, "installed, no recipe", "-", "-") for name, version in sorted(installed.items())]
    return lines


def _suite_result(report: Path) -> str:
    try:
        data = json.loads(report.read_text("utf-8"))
        return (
            f"{data['counts']['passed']} passed, {data['counts']['failed']} failed ({human_seconds(data['seconds'])})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "not run"
