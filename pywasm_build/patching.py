"""Apply the patches of a recipe to an unpacked source tree. A patch without effect is an error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pywasm_build.command import Changes, Runner
from pywasm_build.errors import CommandFailed, PatchError
from pywasm_build.recipes import Patch, Recipe
from pywasm_build.store import JSON


def patches_for(recipe: Recipe, version: str, *, known: Iterable[str]) -> list[Patch]:
    """List the patches for a version.

    known: every version that this checkout may build. Raises PatchError for a patch that is for none of them.
    """
    versions = [version, *known]
    for patch in recipe.patches:
        if not any(patch.applies_to.contains(v) for v in versions):
            raise PatchError(
                f"{patch.path} applies to {recipe.name} {patch.applies_to}, which matches no version that is built"
                f" ({', '.join(sorted(set(versions)))}): remove it, or widen its applies-to"
            )
    return [patch for patch in recipe.patches if patch.applies_to.contains(version)]


def patch_inputs(patches: Iterable[Patch]) -> JSON:
    """Return what a stage that applies these patches depends on."""
    return [[patch.path.name, patch.path.read_text("utf-8")] for patch in patches]


def apply_patches(runner: Runner, patches: Iterable[Patch], tree: Path, *, log: Path) -> None:
    """Apply patches to `tree` in order; raise PatchError with git's words if one does not fit exactly."""
    for patch in patches:
        try:
            _git_apply(runner, patch, tree, options=("--verbose",), log=log)
        except CommandFailed as error:
            said = "\n".join(f"  | {line}" for line in error.tail)
            raise PatchError(
                f"the patch {patch.path} no longer applies:\n{said}\nUpdate it, or narrow its applies-to."
                f" The tree is {tree}"
            ) from error


def misfit(runner: Runner, patch: Patch, tree: Path, *, reverse: bool = False) -> str:
    """Return in git's words why a patch does not fit `tree`, which stays as it is; nothing if it does.

    reverse: find out whether it could be taken back, because the tree has the change already.
    """
    try:
        _git_apply(runner, patch, tree, options=("--check", *(("--reverse",) if reverse else ())))
    except CommandFailed as error:
        complaints = [line for line in error.tail if line.startswith("error: ")]
        return (complaints or [*error.tail, f"git ended with exit code {error.returncode}"])[0]
    return ""


def _git_apply(runner: Runner, patch: Patch, tree: Path, *, options: Sequence[str], log: Path | None = None) -> None:
    environment: Changes = {
        # Without a repository git applies to the folder it stands in. One around it would change that, and one that
        # came with the sources would bring its settings.
        "GIT_DIR": os.devnull,
        # The user's apply.whitespace and the like must not decide whether a patch fits.
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    runner.run(["git", "apply", "-p1", *options, patch.path], cwd=tree, env=environment, log=log)
