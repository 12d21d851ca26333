"""Tell what state the packages of the registry are in, and which of them are tested quickly."""

from __future__ import annotations

import json
from pathlib import Path

from packaging.utils import canonicalize_name

from pywasm_build.context import Context
from pywasm_build.installed import installed_releases
from pywasm_build.package_record import TESTS_PASS, read_record, staleness
from pywasm_build.progress import human_seconds
from pywasm_build.recipes import Recipe, Registry, read_registry

# What continuous integration can wait for: of one package, and of all together.
_QUICK_SECONDS, _QUICK_BUILD_SECONDS, _QUICK_TOTAL = 20, 60, 240


def list_packages(context: Context) -> list[tuple[str, str, str, str, str]]:
    """Return a line for each package of the registry and each installed one.

    Its columns: name, version, state (installed or not; experimental), number of patches, results of its tests.
    """
    installed = {release.name: release.version for release in installed_releases(context)}
    lines = []
    for recipe in read_registry(context.workspace.patches).packages:
        version = installed.pop(canonicalize_name(recipe.name), None)
        state = "installed" if version else "not installed"
        if version and version != recipe.version:
            state = f"{version} installed"
        if recipe.experimental:
            state += ", experimental"
        result = _suite_result(context.workspace.reports / f"{recipe.name}.json") or _recorded(recipe)
        lines.append((recipe.name, recipe.version, state, str(len(recipe.patches)), result))
    lines += [(name, version, "installed, no recipe", "-", "-") for name, version in sorted(installed.items())]
    return lines


def _suite_result(report: Path) -> str:
    """Return what upstream's suite came to in this checkout, nothing if it was not run."""
    try:
        data = json.loads(report.read_text("utf-8"))
        return (
            f"{data['counts']['passed']} passed, {data['counts']['failed']} failed ({human_seconds(data['seconds'])})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _recorded(recipe: Recipe) -> str:
    record = read_record(recipe)
    if record is None:
        return "not run"
    return f"not run here; recorded: {staleness(record, recipe) or record.status}"


def quick_packages(registry: Registry) -> list[Recipe]:
    """Return the packages whose tests are quick, by their records: the quickest, as many as fit into some minutes."""
    found = []
    for recipe in registry.packages:
        record = read_record(recipe)
        if record is None or record.status != TESTS_PASS or record.failures:
            continue
        if record.seconds <= _QUICK_SECONDS and record.wheel.build_seconds <= _QUICK_BUILD_SECONDS:
            found.append((record.seconds, recipe.name, recipe))
    chosen, left = [], _QUICK_TOTAL
    for seconds, _, recipe in sorted(found, key=lambda one: one[:2]):
        left -= seconds
        if left >= 0:
            chosen.append(recipe)
    return chosen


def all_packages(registry: Registry, *, experimental: bool) -> list[Recipe]:
    """Return the packages of the registry, those with an experimental recipe only if `experimental` says so."""
    return [recipe for recipe in registry.packages if experimental or not recipe.experimental]
