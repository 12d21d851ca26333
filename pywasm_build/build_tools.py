"""Provide what the builds of packages require themselves: tools for the build machine, headers for the host triple.

What a build requires runs in the native Python: most of it is pinned, the rest is installed for one set of
requirements. Of some packages, numpy above all, a build reads headers and static libraries, and these must be the
host triple's: then the native package is laid out again with those of the wheel that we built.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.crossenv import TOOLS_LOCK, CrossEnvironment
from pywasm_build.errors import RecipeError
from pywasm_build.recipes import Recipe
from pywasm_build.store import Stage, link_or_copy
from pywasm_build.wheel_archive import open_wheel

# Packages that stand for a choice of versions of another one.
_STAND_FOR = {"oldest-supported-numpy": "numpy"}


def required_names(requires: Sequence[str]) -> set[str]:
    """Return the canonical names of the packages that build requirements mean on this machine."""
    wanted = [Requirement(text) for text in requires]
    names = {canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate()}
    return {_STAND_FOR.get(name, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class BuildTools:
    """The build tools of one cross environment."""

    context: Context
    environment: CrossEnvironment

    def lacking(self, requires: Sequence[str], *, besides: Sequence[str]) -> list[str]:
        """Return the build requirements that the pinned tools do not satisfy; `besides` are had otherwise."""
        return [
            text for text in requires if not (required_names([text]) <= {*besides} or self._have(Requirement(text)))
        ]

    def install(self, requires: Sequence[str]) -> Path:
        """Return a folder with these build requirements, which pip chooses and installs."""
        stage = Stage("build-requirements", {"requires": sorted(requires), "tools": self.environment.key})
        return self.context.store.build(stage, lambda root: self._install(requires, root))

    def with_build_files(self, recipe: Recipe, wheel: Path, key: str) -> Path:
        """Return a folder with the native package of a recipe, but with the build files of our wheel.

        key: that of the wheel's product. Raises RecipeError if the build tools have not that very version.
        """
        version = self._versions.get(canonicalize_name(recipe.name))
        if version != recipe.version:
            raise RecipeError(
                f"packages are to be built against {recipe.name} {recipe.version}, so {TOOLS_LOCK} must have that"
                f" version too, not {version}; change it in build-tools.in and make the lock again"
            )
        stage = Stage("build-files", {"wheel": key, "tools": self.environment.key, "folders": recipe.build_files})
        return self.context.store.build(stage, lambda root: self._lay_out(recipe, wheel, root))

    def _lay_out(self, recipe: Recipe, wheel: Path, root: Path) -> None:
        tools = self.environment.tools_path
        (native,) = importlib.metadata.distributions(name=recipe.name, path=[str(tools)])
        for file in native.files or []:
            # Its programs lie outside.
            if ".." not in file.parts and (tools / file).is_file():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(tools / file, root / file)
        with open_wheel(wheel) as source:
            for name in source.names:
                if name.startswith(tuple(f"{folder}/" for folder in recipe.build_files)):
                    # Not written in place: the file of the tools has this name too.
                    (root / name).unlink(missing_ok=True)
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_bytes(source.read(name))

    def _install(self, requires: Sequence[str], root: Path) -> None:
        pip: list[Argument] = [self.environment.tools / "python", "-m", "pip", "install", "--target", root]
        log = self.context.workspace.log("build-requirements")
        self.context.runner.run([*pip, *requires], cwd=root, log=log, title="build requirements")

    def _have(self, requirement: Requirement) -> bool:
        version = self._versions.get(canonicalize_name(requirement.name))
        return version is not None and requirement.specifier.contains(version, prereleases=True)

    @cached_property
    def _versions(self) -> Mapping[str, str]:
        """The versions of the pinned build tools by canonical name."""
        found = importlib.metadata.distributions(path=[str(self.environment.tools_path)])
        return {canonicalize_name(tool.metadata["Name"]): tool.version for tool in found}
