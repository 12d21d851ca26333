"""Know what a package requires, and where it comes from, without building it: from its wheel, else from its sdist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.errors import RecipeError, StoreError
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.sdist_survey import survey
from pywasm_build.store import Make, Stage, Store
from pywasm_build.wheels import Wheel


class NotMade(StoreError):
    """Report a product that is not in the store, where nothing may be built."""


class FindingStore(Store):
    """A store in which products are found and never made: for plans."""

    def build(self, stage: Stage, make: Make, *, clean: bool = False) -> Path:
        """Return the product of a stage; raise NotMade if it is not complete."""
        if product := self.find(stage):
            return product
        raise NotMade(f"{stage.name} is not built yet")


class Origin(Enum):
    """Where a package comes from."""

    REGISTRY = "registry"
    SDIST = "sdist"
    WHEEL = "pure wheel"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a package before it is built.

    requires: with their markers.
    certain: whether the built wheel can require nothing else.
    cached: whether it is built already.
    build_system: "" for a wheel, and where it is not known.
    obstacle: what it needs that cannot be had, in one line; "" if nothing is known.
    """

    origin: Origin
    requires: tuple[Requirement, ...]
    certain: bool
    cached: bool
    build_system: str = ""
    obstacle: str = ""

    def applying(self, environment: Mapping[str, str], extras: Sequence[str] = ()) -> list[Requirement]:
        """List what is required in an environment, with these extras."""
        settings = [{**environment, "extra": extra} for extra in ("", *extras)]
        return [one for one in self.requires if one.marker is None or any(map(one.marker.evaluate, settings))]


@dataclass(frozen=True, kw_only=True)
class FactsReader:
    """Reads facts with the index and the store of a builder; it downloads, but builds nothing."""

    builder: PackageBuilder

    def read(self, job: Job) -> Facts:
        """Return what is known of a package; its file is downloaded if it is not built."""
        if built := self.built(job):
            return built
        index, release = self.builder.index, job.release
        if release.is_wheel:
            wheel = Wheel.read(index.fetch(release))
            return Facts(origin=_origin(job), requires=wheel.requires, certain=True, cached=False)
        sources = survey(self.builder.context.store, lambda: index.fetch(release), release.sha256)
        return Facts(
            origin=_origin(job),
            requires=_patched_requirements(job, tuple(map(Requirement, sources.requires))),
            certain=sources.certain,
            cached=False,
            build_system=sources.build_system,
            # The author of a recipe knows better.
            obstacle="" if job.recipe else sources.obstacle,
        )

    def built(self, job: Job) -> Facts | None:
        """Return what the built wheel of a package says; None if it is not in the store."""
        try:
            product = self._finding.context.store.find(self._finding.stage(job))
        except NotMade:
            product = None
        if product is None:
            return None
        (path,) = product.glob("*.whl")
        return Facts(
            origin=_origin(job),
            requires=Wheel.read(path).requires,
            certain=True,
            cached=True,
            build_system=self._known_system(job),
        )

    def _known_system(self, job: Job) -> str:
        """Return the build system of a package that was surveyed before; its sdist may be gone."""
        with suppress(NotMade):
            if not job.release.is_wheel:
                return survey(
                    self._finding.context.store, lambda: Path(job.release.file), job.release.sha256
                ).build_system
        return ""

    @cached_property
    def _finding(self) -> PackageBuilder:
        # The key of a package with native libraries needs their products, which a plan must not build.
        context = self.builder.context
        return replace(self.builder, context=replace(context, store=FindingStore(context.store.root)))


def _patched_requirements(job: Job, requires: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Return what a patched sdist requires; raise RecipeError if its recipe leaves out what is not there."""
    without = {canonicalize_name(name): name for name in (job.recipe.without if job.recipe else ())}
    names = [canonicalize_name(requirement.name) for requirement in requires]
    if absent := [name for key, name in without.items() if key not in names]:
        recipe = f"the recipe of {job.release.name}"
        raise RecipeError(f"{recipe} has without = {absent}, which {job.title} does not require")
    return tuple(requirement for key, requirement in zip(names, requires, strict=True) if key not in without)


def _origin(job: Job) -> Origin:
    if job.release.is_wheel:
        return Origin.WHEEL
    return Origin.REGISTRY if job.recipe else Origin.SDIST
