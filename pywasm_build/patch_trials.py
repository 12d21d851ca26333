"""Try patches: whether they apply to sources, and whether a package builds without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from pywasm_build.context import Context
from pywasm_build.errors import BuildError, CommandFailed, PatchError, PywasmError, WheelError
from pywasm_build.index import Release
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.patching import apply_patches, misfit
from pywasm_build.recipes import Patch, Recipe

# Some compilers put a screen into a line.
_WIDTH = 200


class Mark(Enum):
    """What a finding asks for: nothing, a change of the recipe, or another try."""

    GOOD = "good"
    STALE = "stale"
    UNCHECKED = "not checked"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A line of the check: a patch of a recipe, or a recipe (`patch` is empty).

    version: that of the sources that were looked at, for a package upstream's newest; empty if it could not be found
        out.
    """

    recipe: Recipe
    version: str = ""
    patch: str = ""
    state: str
    mark: Mark = Mark.GOOD


def try_patch(context: Context, recipe: Recipe, patch: Patch, tree: Path, version: str) -> Finding:
    """Try a patch on `tree`, to which those before it were applied; leave it applied if it is for this version."""
    runner, wanted = context.runner, patch.applies_to.contains(version)
    mark, why = Mark.GOOD, misfit(runner, patch, tree)
    if not why:
        state = "applies" if wanted else "would apply"
    elif not misfit(runner, patch, tree, reverse=True):
        mark, state = Mark.STALE, "upstream has it: remove the patch, or narrow its applies-to"
    else:
        mark, state = Mark.STALE, f"does not apply: {why}"
    if not wanted:
        # The recipe says so itself, and it may be right; what would happen is worth knowing.
        mark, state = Mark.GOOD, f"only for {patch.applies_to}; {state}"
    elif not why:
        apply_patches(runner, [patch], tree, log=context.workspace.log(f"check-{recipe.name}"))
    return Finding(recipe=recipe, version=version, patch=patch.path.name, state=state, mark=mark)


def build_without(builder: PackageBuilder, release: Release, found: Sequence[Finding]) -> list[Finding]:
    """Build a package with its patches, then without each of them; return what that adds to the findings about them.

    Raises PywasmError for what says nothing about the package, such as a machine that lacks something.
    """
    recipe = found[0].recipe
    why = _build_failure(builder, recipe, release)
    told = []
    for finding, patch in zip(found, recipe.patches, strict=True):
        if not patch.applies_to.contains(release.version):
            told.append(finding)
        elif why:
            state = f"applies, but the package does not build: {why}"
            told.append(replace(finding, state=state, mark=Mark.STALE))
        else:
            told.append(_build_without(builder, release, finding, patch))
    return told


def _build_without(builder: PackageBuilder, release: Release, finding: Finding, patch: Patch) -> Finding:
    if patch.needed_to != "build":
        return replace(finding, state=f"applies; it is needed to {patch.needed_to}, which a build does not show")
    recipe = finding.recipe
    fewer = replace(recipe, patches=tuple(other for other in recipe.patches if other is not patch))
    if _build_failure(builder, fewer, release):
        return replace(finding, state="applies, and the package does not build without it")
    state = 'unnecessary: the package builds without it; remove it, or say needed-to = "run"'
    return replace(finding, state=state, mark=Mark.STALE)


def _build_failure(builder: PackageBuilder, recipe: Recipe, release: Release) -> str:
    """Return why a package does not build, nothing if it does; raises what says nothing about the package."""
    try:
        builder.trial(Job(release=release, recipe=recipe))
    except CommandFailed as error:
        return error.tail[-1][:_WIDTH] if error.tail else first_line(error)
    except (BuildError, PatchError, WheelError) as error:
        return first_line(error)
    return ""


def first_line(error: PywasmError) -> str:
    """Return what an error says in short: its first line, and the next where that only announces it."""
    first, _, more = str(error).partition("\n")
    if first.endswith(":"):
        first = f"{first} {more.partition(chr(10))[0].strip()}"
    return first[:_WIDTH]
