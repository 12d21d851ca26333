"""Show tests to the guest that are not installed: those of a package's sdist, with our patches, or of its recipe.

Only what the recipe names is taken, so that the package's own folder in the sdist, which lacks the compiled modules,
is not imported instead of the installed package.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from pywasm_build import archive
from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.errors import RecipeError, did_you_mean
from pywasm_build.installed import builder_as_it_is
from pywasm_build.packages import PackageBuilder
from pywasm_build.patching import apply_patches, patch_inputs, patches_for
from pywasm_build.recipes import Recipe
from pywasm_build.store import Stage, remove_product, source_hash

# Where the guest sees them.
_TOP = "/sources"


@dataclass(frozen=True, kw_only=True)
class SuiteTree:
    """The files and folders `names` with tests: they lie below `root` on this machine, below `top` in the guest.

    The guest may not change what is in the folders, but it can write beside them: each process has a top of its own.
    """

    root: Path
    names: Sequence[str]
    top: str = _TOP

    def lay_out(self, folder: Path) -> Path:
        """Make the top of the process that has `folder` for itself: the files, and the places of the folders."""
        top = folder / "sources"
        for name in self.names:
            place = top / name
            if (self.root / name).is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / name, place)
        return top

    def mounts(self, folder: Path) -> Sequence[Argument]:
        """Return the options of python-wasm that show all to the process that has `folder` for itself."""
        folders = [name for name in self.names if (self.root / name).is_dir()]
        shown = [f"{folder / 'sources'}:{self.top}", *(f"{self.root / name}:{self.top}/{name}:ro" for name in folders)]
        return [word for mount in shown for word in ("--dir", mount)]


def sdist_tests(context: Context, recipe: Recipe, builder: PackageBuilder | None = None) -> SuiteTree | None:
    """Return the tests that a recipe takes from the sdist, None if it takes none.

    builder: what knows where the sdist is, which is downloaded if need be; that of this checkout by default.

    Raises RecipeError for a source that the sdist does not have.
    """
    if recipe.suite is None or not recipe.suite.sources:
        return None
    names, patches = recipe.suite.sources, patches_for(recipe, recipe.version, known=[])
    stage = Stage(
        "sdist-tests",
        {
            "sha256": recipe.sha256,
            "patches": patch_inputs(patches),
            "names": names,
            "code": source_hash(sys.modules[__name__]),
        },
    )

    def make(product: Path) -> None:
        tree = product / "tree"
        archive.unpack(_sdist(recipe, builder or builder_as_it_is(context)), tree, strip=1)
        apply_patches(context.runner, patches, tree, log=context.workspace.log(f"sdist-tests-{recipe.name}"))
        for name in names:
            _take(tree, name, product / "tests", recipe)
        remove_product(tree)

    return SuiteTree(root=context.store.build(stage, make) / "tests", names=names)


def _sdist(recipe: Recipe, builder: PackageBuilder) -> Path:
    release = builder.choose(Requirement(f"{recipe.name}=={recipe.version}"), experimental=True).release
    if release.sha256 != recipe.sha256:
        raise RecipeError(
            f"{recipe.folder} is not the recipe that the registry has for {recipe.name}: its sha256 is {recipe.sha256},"
            f" that of {release.file} {release.sha256}"
        )
    return builder.index.fetch(release)


def _take(tree: Path, name: str, target: Path, recipe: Recipe) -> None:
    """Move a file or folder of the unpacked sdist to where it stays."""
    source = tree / name
    if not source.exists():
        beside = [str(path.relative_to(tree)) for path in source.parent.glob("*")]
        raise RecipeError(
            f"{recipe.folder}: sources has {name!r}, which is not in the sdist of {recipe.name} {recipe.version}"
            f"{did_you_mean(name, beside)}"
        )
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    source.rename(target / name)
