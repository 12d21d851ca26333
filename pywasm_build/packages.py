"""Turn sdists into checked wheels for the host triple, and work out which packages a request needs.

A package is a Job: exactly one file of an index, with the recipe for it if the registry has one. Its product is
a folder with one wheel.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_binary import WasmModule
from pywasm_build import (
    archive,
    backend_requirements,
    build_tools,
    confinement,
    libraries,
    package_build,
    wheel_archive,
    wheels,
)
from pywasm_build.backend_requirements import question
from pywasm_build.build_system import read_answer, read_build_system
from pywasm_build.build_tools import BuildTools, required_names
from pywasm_build.confinement import confined
from pywasm_build.context import Context
from pywasm_build.crossenv import CrossEnvironment
from pywasm_build.errors import BuildError, RecipeError, WheelError, did_you_mean
from pywasm_build.index import PackageIndex, Release, package_index, pinned
from pywasm_build.libraries import library_variables, native_libraries
from pywasm_build.package_build import PackageBuild
from pywasm_build.patching import apply_patches, patch_inputs, patches_for
from pywasm_build.recipes import Patch, Recipe, Registry
from pywasm_build.sdist_survey import survey
from pywasm_build.store import JSON, Stage, link_or_copy, remove_product, replacing, source_hash
from pywasm_build.wheels import Wheel

# The code that a wheel depends on, with this module's.
_CODE = (package_build, backend_requirements, confinement, build_tools, libraries, wheels, wheel_archive)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One package to build or to take: a release (an sdist, or a pure wheel) and its recipe if there is one."""

    release: Release
    recipe: Recipe | None

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.release.name} {self.release.version}"


@dataclass(frozen=True, kw_only=True)
class PackageBuilder:
    """Builds packages in one cross environment."""

    context: Context
    environment: CrossEnvironment
    registry: Registry
    _pinned_jobs: dict[str, Job] = field(default_factory=dict)
    _surveyed: dict[str, Recipe] = field(default_factory=dict)

    @cached_property
    def index(self) -> PackageIndex:
        """The package indexes that pip is configured for."""
        return package_index(self.context, self.environment.host.version)

    def choose(self, requirement: Requirement, *, experimental: bool = False) -> Job:
        """Return the job for a requirement; raises RecipeError for a package that nobody knows."""
        recipe = self.registry.find(requirement.name)
        if recipe is None:
            release = self.index.best(requirement)
            if release is None:
                known = [r.name for r in self.registry.packages]
                hint = did_you_mean(requirement.name, known)
                raise RecipeError(f"no index has a package for {str(requirement)!r}{hint}")
            self.context.say(f"warning: {release.name} is not in the registry; {_plan(release)}")
            return Job(release=release, recipe=None)
        if recipe.kind != "package":
            raise RecipeError(
                f"{recipe.name} is {_NOT_A_PACKAGE[recipe.kind]}, which cannot be installed by itself; it is built"
                " when something needs it"
            )
        if recipe.experimental and not experimental:
            raise RecipeError(f"the recipe of {recipe.name} is experimental; ask for it with --experimental")
        return Job(release=self._release(recipe, requirement), recipe=recipe)

    def _release(self, recipe: Recipe, requirement: Requirement) -> Release:
        if requirement.specifier.contains(recipe.version, prereleases=True):
            return self._pinned_release(recipe)
        other = next(self.index.sdists(requirement), None)
        if other is None:
            raise RecipeError(f"no index has an sdist for {str(requirement)!r}")
        self.context.say(
            f"warning: the recipe of {recipe.name} is for {recipe.version}; trying it with {other.version}"
        )
        return other

    def _pinned_release(self, recipe: Recipe) -> Release:
        if path := self.index.cached(recipe.sha256):
            name = canonicalize_name(recipe.name)
            return Release(name=name, version=recipe.version, file=path.name, sha256=recipe.sha256)
        found = list(self.index.sdists(Requirement(f"{recipe.name}=={recipe.version}")))
        # One that the index vouches for comes before one that only the recipe does.
        for release in sorted(found, key=lambda release: release.sha256 != recipe.sha256):
            if chosen := pinned(release, recipe.sha256):
                return chosen
        seen = ", ".join(f"{release.file} with {release.sha256}" for release in found) or "nothing"
        raise RecipeError(
            f"no index has the sdist of {recipe.name} {recipe.version} with the sha256 that its recipe pins"
            f" ({recipe.sha256}); found: {seen}"
        )

    def alternative(self, job: Job) -> Job | None:
        """Return the job for the pure wheel of a package without recipe whose sdist was chosen; None if it has none."""
        wheel = None if job.recipe or job.release.is_wheel else self.index.pure_wheel(job.release)
        return Job(release=wheel, recipe=None) if wheel else None

    def stage(self, job: Job) -> Stage:
        """Return the stage that makes the wheel of a job."""
        used = self._libraries(job)
        return Stage(
            "wheel",
            {
                "name": job.release.name,
                "version": job.release.version,
                "sha256": job.release.sha256,
                "environment": self.environment.key,
                "patches": patch_inputs(self._patches(job)),
                "recipe": _recipe_inputs(job.recipe) if job.recipe else None,
                "libraries": [prefix.name for prefix in used.values()],
                "variables": library_variables(self.context, self.registry, used),
                "build-files": self._keys_of_build_files(job),
                "code": source_hash(sys.modules[__name__], *_CODE),
            },
        )

    def build(self, job: Job, *, clean: bool = False) -> Wheel:
        """Return the checked wheel of a job, and offer it to pip; build it when it is not in the store."""
        wheel = self.trial(job, clean=clean)
        self._offer(wheel.path)
        return wheel

    def trial(self, job: Job, *, clean: bool = False) -> Wheel:
        """Do as `build`, but keep the wheel out of the wheelhouse: nobody should install it."""
        product = self.context.store.build(self.stage(job), lambda root: self._make(job, root), clean=clean)
        (wheel,) = product.glob("*.whl")
        return Wheel.read(wheel)

    def _offer(self, wheel: Path) -> None:
        """Put a wheel into the wheelhouse of this environment, where pip finds it with --find-links."""
        place = self.context.workspace.wheelhouse / self.environment.key / wheel.name
        if not place.is_file() or not place.samefile(wheel):
            with replacing(place) as temporary:
                link_or_copy(wheel, temporary)

    def _patches(self, job: Job) -> list[Patch]:
        if job.recipe is None:
            return []
        return patches_for(job.recipe, job.release.version, known=[job.recipe.version])

    def _plan_of(self, job: Job) -> Recipe:
        """Return the recipe of a job; for a package that has none, what its sources say."""
        if job.recipe:
            return job.recipe
        sha256 = job.release.sha256
        if sha256 not in self._surveyed:
            self._surveyed[sha256] = self._survey(job.release)
        return self._surveyed[sha256]

    def _survey(self, release: Release) -> Recipe:
        name, root = release.name, self.registry.root
        if release.is_wheel:
            return Recipe(folder=root, name=name, kind="package")
        said = survey(self.context.store, lambda: self.index.fetch(release), release.sha256)
        used = tuple(library.name for library in self.registry.libraries if {*library.headers} & {*said.headers})
        return Recipe(folder=root, name=name, kind="package", build_requires=said.build_requires, libraries=used)

    def _libraries(self, job: Job) -> dict[str, Path]:
        """Return the prefixes of the native libraries that a job needs, by name."""
        compiler, programs = self.environment.host.toolchain, self.environment.tools
        return native_libraries(self.context, compiler, self.registry, self._plan_of(job), programs=programs)

    def _read_by(self, job: Job, requires: Sequence[str]) -> list[Recipe]:
        """Return the packages of the registry whose files the build of a job reads if it requires these."""
        names = required_names(requires) - {job.release.name}
        return [
            recipe
            for recipe in self.registry.packages
            if recipe.build_files and canonicalize_name(recipe.name) in names
        ]

    def _keys_of_build_files(self, job: Job) -> list[str]:
        """Return the keys of the packages whose files the build of a job may read."""
        read = self._read_by(job, self._plan_of(job).build_requires)
        if not (job.recipe or job.release.is_wheel):
            # It may ask for more of them once it runs.
            read = self._read_by(job, [recipe.name for recipe in self.registry.packages])
        return [self.stage(_without_file(recipe)).key for recipe in read]

    def _pinned_job(self, recipe: Recipe) -> Job:
        if recipe.name not in self._pinned_jobs:
            self._pinned_jobs[recipe.name] = Job(release=self._pinned_release(recipe), recipe=recipe)
        return self._pinned_jobs[recipe.name]

    def _make(self, job: Job, root: Path) -> Mapping[str, JSON]:
        source = self.index.fetch(job.release)
        raw = source if job.release.is_wheel else self._build_sdist(job, source, root)
        replacements = self._replacements(job, root)
        wheel = wheels.normalise(raw, root, replacements)
        for folder in ("tree", "raw", "home", package_build.FOLDER):
            remove_product(root / folder)
        self._check(job, wheel, forbidden=list(replacements))
        return {"wheel": wheel.name, "version": job.release.version}

    def _build_sdist(self, job: Job, source: Path, root: Path) -> Path:
        log = self.context.workspace.log(job.release.name)
        log.unlink(missing_ok=True)
        tree = root / "tree"
        archive.unpack(source, tree, strip=1)
        apply_patches(self.context.runner, self._patches(job), tree, log=log)
        backend, requires = read_build_system(tree)
        if job.recipe:
            requires = list(job.recipe.build_requires)
        used = self._libraries(job)
        build = PackageBuild(
            context=self.context,
            environment=self.environment,
            recipe=job.recipe,
            tree=tree,
            libraries=used,
            library_variables=library_variables(self.context, self.registry, used),
            tools=self._tool_folders(job, requires),
        )
        # Not `root`: what we write there ourselves must not be led elsewhere by a link.
        own = [tree, root / "raw", root / "home"]
        for folder in own:
            folder.mkdir(exist_ok=True)
        if job.recipe is None and (more := self._asked(build, job, backend, own) - {*requires}):
            build = replace(build, tools=self._tool_folders(job, [*requires, *sorted(more)]))
        self.context.runner.run(
            confined(
                [
                    self.environment.python,
                    *("-m", "pip", "wheel", "--verbose", "--no-deps", "--no-index", "--no-build-isolation"),
                    *(f"-C{key}={value}" for key, values in build.config_settings(backend).items() for value in values),
                    *("--wheel-dir", root / "raw", tree),
                ],
                writable=own,
            ),
            cwd=root,
            env=build.variables(),
            log=log,
            title=f"build {job.title}",
        )
        return _only_wheel(root / "raw", log)

    def _asked(self, build: PackageBuild, job: Job, backend: str, own: Sequence[Path]) -> set[str]:
        """Return what the backend of a build requires; it can write into its `own` folders alone."""
        answer = build.tree.parent / "home" / "requires.json"
        self.context.runner.run(
            confined(question(self.environment.python, build.tree, answer), writable=own),
            cwd=build.tree,
            env=build.variables(),
            log=self.context.workspace.log(job.release.name),
            title=f"ask what {job.title} requires to be built",
        )
        return set(read_answer(answer, backend))

    def _tool_folders(self, job: Job, requires: Sequence[str]) -> list[Path]:
        """Return folders with build requirements besides the pinned tools, those with files for our target first."""
        tools, read = self._tools, self._read_by(job, requires)
        folders = []
        for recipe in read:
            other = self._pinned_job(recipe)
            folders.append(tools.with_build_files(recipe, self.trial(other).path, self.stage(other).key))
        lacking = tools.lacking(requires, besides=[canonicalize_name(recipe.name) for recipe in read])
        if not lacking:
            return folders
        if job.recipe:
            raise RecipeError(
                f"the recipe of {job.recipe.name} needs {', '.join(lacking)} to build, which is not in"
                " third-party/build-tools.lock; add it to build-tools.in and make the lock again"
            )
        self.context.say(f"warning: {job.title} needs {', '.join(lacking)} to build, which is not pinned")
        return [*folders, tools.install(lacking)]

    @cached_property
    def _tools(self) -> BuildTools:
        return BuildTools(context=self.context, environment=self.environment)

    def _replacements(self, job: Job, root: Path) -> dict[str, str]:
        """Map paths of the build machine, as build systems write them into wheels, to what the guest has."""
        host, used = self.environment.host, self._libraries(job).values()
        products = [root, self.environment.root, host.product, host.toolchain.root, *used]
        return {
            str(self.environment.python): f"/usr/bin/{host.main_module.name}",
            f"{host.toolchain.bin}/": "",
            f"{root / 'tree'}/": "",
            # Without their keys: a wheel shall not differ because of an input that changed nothing in it.
            **{str(product): f"/nonexistent/{product.parent.name}" for product in products},
            # Not the cache folder or the checkout: a short path such as /src is in many an innocent text.
            str(self.context.workspace.store): "/nonexistent",
        }

    def _check(self, job: Job, wheel: Path, *, forbidden: Sequence[str]) -> None:
        host, made = self.environment.host, Wheel.read(wheel)
        if made.name != job.release.name:
            raise WheelError(f"the build of {job.title} made a wheel of {made.name}")
        exports = frozenset(WasmModule(host.main_module.read_bytes()).exports)
        wheels.require_good(made, short=host.short, provided=exports, abi=host.toolchain.abi, forbidden=forbidden)


def _without_file(recipe: Recipe) -> Job:
    """Return a job that has a key, for which no index needs to be asked."""
    name = canonicalize_name(recipe.name)
    return Job(release=Release(name=name, version=recipe.version, file="", sha256=recipe.sha256), recipe=recipe)


def _only_wheel(folder: Path, log: Path) -> Path:
    found = sorted(folder.glob("*.whl"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise BuildError(f"the build should make one wheel, it made {names}; the full log is {log}")
    return found[0]


_NOT_A_PACKAGE = {"library": "a native library", "interpreter": "the interpreter"}


def _plan(release: Release) -> str:
    if release.is_wheel:
        return f"its wheel {release.file} is taken as it is"
    return f"its sdist {release.file} is built without patches"


def _recipe_inputs(recipe: Recipe) -> JSON:
    return {
        "build-requires": recipe.build_requires,
        "libraries": recipe.libraries,
        "environment": recipe.environment,
        "config-settings": recipe.config_settings,
    }
