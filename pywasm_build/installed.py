"""Remember which packages a checkout has installed, and install more.

`build/installed.json` names for each package the exact release that was chosen. Everything else is derived from it
through the store, so the cache can be deleted, or the toolchain changed: the next run builds what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pywasm_build.context import Context
from pywasm_build.cpython import HostPython, host_python
from pywasm_build.crossenv import CrossEnvironment, cross_environment
from pywasm_build.errors import BuildError, StoreError, UsageError, WheelError
from pywasm_build.index import Release
from pywasm_build.lock import locked
from pywasm_build.native import BuildPython, cpython_source
from pywasm_build.outcomes import Failure, Outcome
from pywasm_build.package_facts import FactsReader, FindingStore, NotMade
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.plan import Plan
from pywasm_build.plan_run import PlanRun
from pywasm_build.planner import Planner
from pywasm_build.recipes import read_registry
from pywasm_build.runtime_root import RuntimeRoot, runtime_root
from pywasm_build.store import write_whole
from pywasm_build.toolchain import Toolchain
from pywasm_build.wheels import Wheel, requirements, target_environment


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What an installation did, what it could not do, and the runtime root that came of it."""

    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...] = ()
    root: RuntimeRoot


def package_builder(context: Context) -> PackageBuilder:
    """Return a builder over the cross environment, which is made if need be."""
    environment = cross_environment(context, host_python(context))
    return PackageBuilder(context=context, environment=environment, registry=read_registry(context.workspace.patches))


def builder_as_it_is(context: Context) -> PackageBuilder:
    """Return a builder for plans: over the cross environment if it is made, else over the place where none is."""
    finding = replace(context, store=FindingStore(context.store.root))
    try:
        environment = cross_environment(finding, host_python(finding))
    except NotMade:
        environment = _absent_environment(context)
    return PackageBuilder(context=context, environment=environment, registry=read_registry(context.workspace.patches))


def _absent_environment(context: Context) -> CrossEnvironment:
    """Return an environment for the pinned version, over which nothing was ever built."""
    nowhere, version = context.store.root / "crossenv" / "not-made", cpython_source(context).version
    compiler = Toolchain(root=nowhere, triple="", abi="")
    native = BuildPython(executable=nowhere, version=version, identity="")
    host = HostPython(product=nowhere, version=version, toolchain=compiler, native=native)
    return CrossEnvironment(root=nowhere, host=host)


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
    keep_going: bool = False,
    show: Callable[[Plan], None] = lambda plan: None,
    builder: PackageBuilder | None = None,
) -> Installation:
    """Install packages and what they require into the runtime root, besides what is there.

    clean: build the packages that are named afresh.
    keep_going: install what can be had, and list the rest under `failures`; else the first failure is raised.
    show: is called with the plan before anything is built.
    builder: what builds them; that of this checkout by default.
    """
    builder = builder or package_builder(context)
    with locked(state_path(context).with_suffix(".lock"), what="the runtime root"):
        jobs = _present_jobs(context, builder)
        run = PlanRun(
            builder=builder,
            planner=_planner(builder, jobs, experimental=experimental),
            clean=frozenset(canonicalize_name(requirement.name) for requirement in wanted) if clean else frozenset(),
            keep_going=keep_going,
            show=show,
        )
        outcomes, failures = run.run(wanted)
        for outcome in outcomes:
            jobs[outcome.job.release.name] = outcome.job
        _check_that_all_remain(builder, jobs, failures)
        by_name = {outcome.job.release.name: outcome.wheel for outcome in outcomes}
        wheels = [by_name.get(name) or builder.build(job) for name, job in sorted(jobs.items())]
        _check_versions(wheels, target_environment(builder.environment.host.version))
        root = runtime_root(context, builder.environment.host, wheels)
        _write_state(context, jobs)
    return Installation(outcomes=tuple(outcomes), failures=tuple(failures), root=root)


def plan_packages(
    context: Context,
    wanted: Sequence[Requirement],
    *,
    experimental: bool = False,
    builder: PackageBuilder | None = None,
) -> Plan:
    """Return the plan for an installation; files of packages are downloaded, but nothing is built.

    builder: what would build them; by default that of this checkout, as far as it is made.
    """
    builder = builder or builder_as_it_is(context)
    return _planner(builder, _present_jobs(context, builder), experimental=experimental).plan(wanted)


def _planner(builder: PackageBuilder, present: Mapping[str, Job], *, experimental: bool) -> Planner:
    # A copy: what is installed changes while the plan is carried out.
    facts = FactsReader(builder=builder)
    return Planner(builder=builder, facts=facts, present=dict(present), experimental=experimental)


def _present_jobs(context: Context, builder: PackageBuilder) -> dict[str, Job]:
    return {
        release.name: Job(release=release, recipe=builder.registry.find(release.name))
        for release in installed_releases(context)
    }


def _check_that_all_remain(builder: PackageBuilder, jobs: Mapping[str, Job], failures: Sequence[Failure]) -> None:
    """Raise BuildError if a package that is installed failed now: without it there would be no runtime root."""
    for failure in failures:
        job = jobs.get(failure.name)
        if job and builder.context.store.find(builder.stage(job)) is None:
            log = f"; the full log is {failure.log}" if failure.log else ""
            raise BuildError(f"{job.title} is installed, but cannot be built any more: {failure.reason}{log}")


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
    # A URL may change, or have a password in it: a release is found again by its hash.
    entries = [asdict(replace(job.release, url="")) for _, job in sorted(jobs.items())]
    write_whole(state_path(context), json.dumps(entries, indent=1) + "\n")
