"""Remember which packages a checkout has installed, and install more.

`build/installed.json` names for each package the exact release that was chosen. Everything else is derived from it
through the store, so the cache can be deleted, or the toolchain changed: the next run builds what is missing.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pywasm_build.context import Context
from pywasm_build.cpython import host_python
from pywasm_build.crossenv import cross_environment
from pywasm_build.errors import StoreError, UsageError, WheelError
from pywasm_build.index import Release
from pywasm_build.lock import locked
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.recipes import read_registry
from pywasm_build.runtime_root import RuntimeRoot, runtime_root
from pywasm_build.wheels import Wheel, requirements, target_environment


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One package of an installation: its wheel, and whether it was built now."""

    job: Job
    wheel: Wheel
    built: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What an installation did, and the runtime root that came of it."""

    outcomes: tuple[Outcome, ...]
    root: RuntimeRoot


def package_builder(context: Context) -> PackageBuilder:
    """Return a builder over the cross environment, which is made if need be."""
    environment = cross_environment(context, host_python(context))
    return PackageBuilder(context=context, environment=environment, registry=read_registry(context.workspace.patches))


def parse_names(names: Iterable[str]) -> list[Requirement]:
    """Parse what a user typed after --name, such as "numpy" or "numpy==2.5.5"."""
    parsed = []
    for name in names:
        try:
            requirement = Requirement(name)
        except InvalidRequirement as error:
            raise UsageError(f"--name {name!r} is not a package name or requirement: {error}") from error
        if requirement.url:
            raise UsageError(f"--name {name!r} has a URL; packages come from the indexes that pip is configured for")
        parsed.append(requirement)
    return parsed


def install_packages(
    context: Context,
    wanted: Sequence[Requirement],
    *,
    experimental: bool = False,
    clean: bool = False,
    builder: PackageBuilder | None = None,
) -> Installation:
    """Install packages and what they require into the runtime root, besides what is there.

    clean: build the packages that are named afresh.
    builder: what builds them; that of this checkout by default.
    """
    builder = builder or package_builder(context)
    with locked(state_path(context).with_suffix(".lock"), what="the runtime root"):
        jobs = {
            release.name: Job(release=release, recipe=builder.registry.find(release.name))
            for release in installed_releases(context)
        }
        outcomes = _resolve(builder, wanted, jobs, experimental=experimental, clean=clean)
        for outcome in outcomes:
            jobs[outcome.job.release.name] = outcome.job
        by_name = {outcome.job.release.name: outcome.wheel for outcome in outcomes}
        wheels = [by_name.get(name) or builder.build(job) for name, job in sorted(jobs.items())]
        _check_versions(wheels, target_environment(builder.environment.host.version))
        root = runtime_root(context, builder.environment.host, wheels)
        _write_state(context, jobs)
    return Installation(outcomes=tuple(outcomes), root=root)


def _resolve(
    builder: PackageBuilder,
    wanted: Sequence[Requirement],
    present: dict[str, Job],
    *,
    experimental: bool,
    clean: bool,
) -> list[Outcome]:
    """Build the wanted packages and, breadth first, what their metadata requires.

    present: what is installed; it is kept as it is unless it is wanted.
    """
    environment = target_environment(builder.environment.host.version)
    named = {canonicalize_name(requirement.name) for requirement in wanted}
    kept = {name: job for name, job in present.items() if name not in named}
    done: dict[str, Outcome] = {}
    followed: dict[str, set[str]] = {}
    queue = deque(wanted)
    while queue:
        requirement = queue.popleft()
        name = canonicalize_name(requirement.name)
        if requirement.url:
            raise WheelError(f"{requirement} is required from a URL, but packages come from indexes: patch it")
        if name not in done:
            job = kept.get(name) or builder.choose(requirement, experimental=experimental)
            done[name] = _build(builder, job, clean=clean and name in named)
            queue += [Requirement(text) for text in (job.recipe.requires if job.recipe else ())]
        _check_choice(requirement, done[name].job)
        # Once without extras, then again only for extras that nobody has asked for yet: circles end here.
        if name not in followed or requirement.extras - followed[name]:
            followed.setdefault(name, set()).update(requirement.extras)
            queue += requirements(done[name].wheel, environment, tuple(requirement.extras))
    return list(done.values())


def _check_choice(requirement: Requirement, chosen: Job) -> None:
    if not requirement.specifier.contains(chosen.release.version, prereleases=True):
        raise WheelError(
            f"{requirement} is required, but {chosen.title} is installed or was chosen before;"
            " name versions that fit together"
        )


def _check_versions(wheels: Sequence[Wheel], environment: Mapping[str, str]) -> None:
    """Raise WheelError if a package has a version that another one, installed earlier perhaps, does not take."""
    versions = {wheel.name: wheel.version for wheel in wheels}
    for wheel in wheels:
        for wanted in requirements(wheel, environment):
            version = versions.get(canonicalize_name(wanted.name))
            if version and not wanted.specifier.contains(version, prereleases=True):
                raise WheelError(
                    f"{wheel.name} {wheel.version} requires {wanted}, but the version of {wanted.name} would be"
                    f" {version}; name versions that fit together"
                )


def _build(builder: PackageBuilder, job: Job, *, clean: bool) -> Outcome:
    started = time.monotonic()
    known = not clean and builder.context.store.find(builder.stage(job)) is not None
    wheel = builder.build(job, clean=clean)
    return Outcome(job=job, wheel=wheel, built=not known, seconds=time.monotonic() - started)


def refresh_runtime(context: Context) -> RuntimeRoot:
    """Make the runtime root of this checkout with the packages that it has installed."""
    return install_packages(context, []).root


def state_path(context: Context) -> Path:
    """Return the file that names what is installed."""
    return context.workspace.build / "installed.json"


def installed_releases(context: Context) -> list[Release]:
    """Return the releases that this checkout has installed, by name."""
    path = state_path(context)
    try:
        entries = json.loads(path.read_text("utf-8"))
        if not isinstance(entries, list) or not all(isinstance(v, str) for entry in entries for v in entry.values()):
            raise ValueError("it should be a list of tables of texts")
        return [Release(**entry) for entry in entries]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged ({error}); delete it and install the packages again") from error


def _write_state(context: Context, jobs: dict[str, Job]) -> None:
    path = state_path(context)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A URL may change, or have a password in it: a release is found again by its hash.
    entries = [asdict(replace(job.release, url="")) for _, job in sorted(jobs.items())]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
    temporary.replace(path)
