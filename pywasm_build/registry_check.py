"""Find out whether the patch registry still fits what upstream has released since.

For a package this is the newest sdist that the indexes have for the guest's Python; for a native library and CPython,
which no index has, the pinned version. Each patch is tried on those sources, in a folder of the cache that is gone
afterwards, and on request the package is built without it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from pywasm_build import archive
from pywasm_build.context import Context
from pywasm_build.errors import DownloadError, PywasmError, RecipeError, did_you_mean
from pywasm_build.index import PackageIndex, Release, package_index, pinned
from pywasm_build.installed import package_builder
from pywasm_build.packages import PackageBuilder
from pywasm_build.patch_trials import Finding, Mark, build_without, first_line, try_patch
from pywasm_build.progress import Status
from pywasm_build.recipes import Recipe, Registry, read_registry

# The exit codes of a PywasmError of no special kind, and of a download that no location gave.
_EXIT_CODES = {Mark.STALE: 1, Mark.UNCHECKED: 6}


@dataclass(frozen=True, kw_only=True)
class _Upstream:
    """The sources to try; only a package has a release."""

    version: str
    release: Release | None = None


def choose_recipes(registry: Registry, names: Sequence[str]) -> list[Recipe]:
    """Return the recipes of these names, all without any; raises RecipeError for a name that has none."""
    chosen = []
    for name in names:
        recipe = registry.find(name)
        if recipe is None:
            raise RecipeError(f"{name} has no recipe{did_you_mean(name, registry.recipes)}")
        chosen.append(recipe)
    return chosen or [recipe for _, recipe in sorted(registry.recipes.items())]


def check_registry(context: Context, names: Sequence[str], *, build: bool) -> list[Finding]:
    """Check the recipes of these names, all without any; `build` says whether packages are built too."""
    recipes = choose_recipes(read_registry(context.workspace.patches), names)
    builder = package_builder(context) if build else None
    index = builder.index if builder else package_index(context, context.sources.find("cpython").version)
    return RegistryCheck(context=context, index=index, builder=builder).run(recipes)


def rows(findings: Sequence[Finding]) -> list[tuple[str, str, str, str, str, str]]:
    """Return the cells of a table: recipe, its version, newest version, patch, mark, state."""
    return [(one.recipe.name, *_versions(one), one.patch or "-", one.mark.value, one.state) for one in findings]


def _versions(finding: Finding) -> tuple[str, str]:
    if finding.recipe.kind == "package":
        return finding.recipe.version, finding.version or "-"
    return finding.version or "-", "-"


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 if something is stale, else 6 if something could not be checked, else 0."""
    marks = {finding.mark for finding in findings}
    return next((code for mark, code in _EXIT_CODES.items() if mark in marks), 0)


@dataclass(frozen=True, kw_only=True)
class RegistryCheck:
    """Checks recipes; with a builder, packages are built too."""

    context: Context
    index: PackageIndex
    builder: PackageBuilder | None = None

    def run(self, recipes: Sequence[Recipe]) -> list[Finding]:
        """Check recipes; what cannot be found out about one is a finding like others."""
        findings = []
        for recipe in recipes:
            with Status(f"check {recipe.name}"):
                findings += self._check(recipe)
        return findings

    def _check(self, recipe: Recipe) -> list[Finding]:
        version = ""
        try:
            upstream = self._upstream(recipe)
            version = upstream.version
            found = self._patches(recipe, upstream)
        except PywasmError as error:
            return [Finding(recipe=recipe, version=version, state=first_line(error), mark=Mark.UNCHECKED)]
        return found or [Finding(recipe=recipe, version=version, state=_standing(recipe, version))]

    def _upstream(self, recipe: Recipe) -> _Upstream:
        if recipe.kind != "package":
            return _Upstream(version=self.context.sources.find(recipe.name).version)
        found = list(self.index.sdists(Requirement(recipe.name)))
        if not found:
            raise DownloadError(f"no index that pip is configured for gave an sdist of {recipe.name}")
        newest = found[0].version
        if Version(newest) != Version(recipe.version):
            return _Upstream(version=newest, release=found[0])
        same = (pinned(release, recipe.sha256) for release in found if release.version == newest)
        release = next(filter(None, same), None)
        if release is None:
            raise DownloadError(
                f"no index has the sdist of {recipe.name} {newest} with the sha256 that its recipe pins"
            )
        return _Upstream(version=newest, release=release)

    def _patches(self, recipe: Recipe, upstream: _Upstream) -> list[Finding]:
        if not recipe.patches:
            return []
        with self._tree(recipe, upstream) as tree:
            found = [try_patch(self.context, recipe, patch, tree, upstream.version) for patch in recipe.patches]
        if self.builder is None or upstream.release is None or exit_code(found):
            return found
        try:
            return build_without(self.builder, upstream.release, found)
        except PywasmError as error:
            state = f"not built: {first_line(error)}"
            return [*found, Finding(recipe=recipe, version=upstream.version, state=state, mark=Mark.UNCHECKED)]

    @contextmanager
    def _tree(self, recipe: Recipe, upstream: _Upstream) -> Iterator[Path]:
        """Unpack upstream's sources for a while."""
        fetch = self.context.sources.fetch
        source = self.index.fetch(upstream.release) if upstream.release else fetch(recipe.name)
        trials = self.context.workspace.trials
        trials.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{recipe.name}-", dir=trials) as folder:
            tree = Path(folder) / "tree"
            archive.unpack(source, tree, strip=1)
            yield tree


def _standing(recipe: Recipe, newest: str) -> str:
    if recipe.kind != "package":
        return "no patches; its version is pinned in third-party/sources.toml"
    if Version(newest) > Version(recipe.version):
        return "no patches; upstream has a newer version"
    return (
        "no patches" if Version(newest) == Version(recipe.version) else "no patches; the indexes have no such version"
    )
