"""Try whether a package builds without a recipe, and whether its compiled modules can be imported in the guest.

The registry is taken as it is but for the package itself: what it needs may have recipes, and native libraries have.
Nothing that is installed in the checkout changes, and no wheel is offered to anybody.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from pywasm_build import import_check
from pywasm_build.command import Argument, Completed, Runner
from pywasm_build.context import Context
from pywasm_build.errors import (
    CommandFailed,
    DownloadError,
    MachineError,
    PywasmError,
    RecipeError,
    StoreError,
    WheelError,
)
from pywasm_build.import_check import ImportResult, check_imports, compiled_modules
from pywasm_build.package_facts import FactsReader
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.plan_run import PlanRun, one_line
from pywasm_build.planner import Planner
from pywasm_build.recipes import Recipe
from pywasm_build.runtime_root import runtime_root
from pywasm_build.store import JSON, Stage, read_stamp, source_hash
from pywasm_build.telling_line import first_error_of, shown, telling_line_of
from pywasm_build.unaided_list import PLACE, Excuse, Unaided
from pywasm_build.wheels import Wheel, requirements, target_environment
from pywasm_build.workspace import Workspace

_STORE = re.compile(r"/\S*?/store\b")
_PLATFORM = re.compile(
    r"\b(platform|operating system)\b.*\bwasi\b.*\bnot supported\b"
    r"|\b(unsupported|unknown) (platform|operating system)\b.*\bwasi\b",
    re.IGNORECASE,
)


class Result(Enum):
    """What came of a trial."""

    IMPORTS = "builds and imports"
    EXCUSED = "imports but for what is excused"
    REFUSED = "refused"
    BUILD = "does not build"
    PLATFORM = "refuses the platform"
    SLOW = "takes too long"
    LINK = "does not link"
    PURE = "no compiled part"
    IMPORT = "does not import"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of one package.

    reason: the line that tells why, "" if all is well; what is excused, and why.
    modules: the compiled modules of its wheel; imported: how many of them can be imported.
    seconds: what its build took.
    """

    name: str
    version: str
    result: Result
    reason: str = ""
    modules: tuple[str, ...] = ()
    imported: int = 0
    seconds: float = 0.0

    def as_data(self) -> dict[str, JSON]:
        """Return it as JSON can have it."""
        return {**asdict(self), "result": self.result.value, "modules": list(self.modules)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Trial:
        """Return what `as_data` made; raises KeyError, TypeError or ValueError for something else."""
        return cls(**{**data, "result": Result(data["result"]), "modules": tuple(data["modules"])})


@dataclass(frozen=True, kw_only=True)
class TrialWorkspace(Workspace):
    """A checkout whose own runtime root, logs and wheelhouse are out of reach."""

    @property
    def _place(self) -> Path:
        return self.build / "unaided"

    @property
    def runtime(self) -> Path:
        """The link to the runtime root of the last trial."""
        return self._place / "runtime"

    @property
    def logs(self) -> Path:
        """One full log for each package."""
        return self._place / "logs"

    @property
    def wheelhouse(self) -> Path:
        """Wheels that nobody should install."""
        return self._place / "wheelhouse"


@dataclass(frozen=True, kw_only=True)
class LimitedRunner:
    """A runner whose commands end after `seconds`, if nobody gave them another limit."""

    runner: Runner
    seconds: float

    def run(self, args: Sequence[Argument], *, timeout: float | None = None, **options: Any) -> Completed:
        """Run a command to its end; see Runner.run."""
        return self.runner.run(args, timeout=self.seconds if timeout is None else timeout, **options)

    def terminate(self) -> None:
        """End every command that another thread is running now."""
        self.runner.terminate()


Importer = Callable[[Context, Path, Sequence[str]], list[ImportResult]]


@dataclass(frozen=True, kw_only=True)
class UnaidedTrials:
    """Tries packages with the cross environment and the registry of `builder`.

    seconds: how long one command of a build may take.
    """

    builder: PackageBuilder
    seconds: float
    importer: Importer = check_imports

    def run(self, package: Unaided, *, again: bool = False) -> Trial:
        """Return what came of a package; `again` tries one that was tried before with the same inputs.

        Raises DownloadError where a file cannot be had, MachineError where this machine lacks something: they say
        nothing about the package.
        """
        builder, job = self._unaided(package)
        try:
            # Native libraries are built here, without a limit: how long they take says nothing about the package.
            key = builder.stage(job).key
        except (DownloadError, MachineError):
            raise
        except PywasmError as error:
            # Its sdist cannot even be read.
            failed = _failure(error, builder.context.workspace.log(package.name))
            return Trial(name=job.release.name, version=job.release.version, **failed)
        inputs: dict[str, JSON] = {
            "wheel": key,
            "listed": asdict(package),
            "seconds": self.seconds,
            "code": source_hash(sys.modules[__name__], import_check, import_check.SCRIPT),
        }
        stage = Stage("unaided-trial", inputs)
        product = builder.context.store.build(
            stage, lambda root: {"trial": self._try(self._limited(builder), job, package).as_data()}, clean=again
        )
        try:
            return Trial.from_data((read_stamp(product) or {})["trial"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{product} is damaged ({error!r}); delete it") from error

    def _unaided(self, package: Unaided) -> tuple[PackageBuilder, Job]:
        """Return a builder whose registry has no recipe of the package, and its job."""
        context, registry = self.builder.context, self.builder.registry
        workspace = TrialWorkspace(root=context.workspace.root, cache=context.workspace.cache)
        others = {name: recipe for name, recipe in registry.recipes.items() if name != package.name}
        # A recipe that only pins: so the sdist of the list is found, and no other.
        pin = Recipe(
            folder=registry.root,
            name=package.name,
            kind="package",
            version=package.version,
            sha256=package.sha256,
        )
        pinning = replace(self.builder, registry=replace(registry, recipes={package.name: pin}))
        try:
            release = pinning.choose(_pinned(package.name, package.version)).release
        except RecipeError as error:
            raise DownloadError(str(error)) from error
        return (
            replace(
                self.builder,
                context=replace(context, workspace=workspace),
                registry=replace(registry, recipes=others),
            ),
            Job(release=release, recipe=None),
        )

    def _limited(self, builder: PackageBuilder) -> PackageBuilder:
        runner = LimitedRunner(runner=builder.context.runner, seconds=self.seconds)
        return replace(builder, context=replace(builder.context, runner=runner))

    def _try(self, builder: PackageBuilder, job: Job, package: Unaided) -> Trial:
        trial = Trial(name=job.release.name, version=job.release.version, result=Result.IMPORTS)
        try:
            if obstacle := FactsReader(builder=builder).read(job).obstacle:
                return replace(trial, result=Result.REFUSED, reason=obstacle)
            wheel = builder.trial(job)
        except (DownloadError, MachineError):
            raise
        except PywasmError as error:
            return replace(trial, **_failure(error, builder.context.workspace.log(job.release.name)))
        seconds = float((read_stamp(wheel.path.parent) or {}).get("seconds", 0))
        modules = tuple(compiled_modules(wheel.path))
        trial = replace(trial, modules=modules, seconds=seconds)
        if not modules:
            told = first_error_of(builder.context.workspace.log(job.release.name))
            return replace(trial, result=Result.PURE, reason=told or "its wheel has no extension module")
        return self._import(builder, job, wheel, package, trial)

    def _import(self, builder: PackageBuilder, job: Job, wheel: Wheel, package: Unaided, trial: Trial) -> Trial:
        """Import the compiled modules, first alone: what a package requires is not always needed for them."""
        results = self._results(builder, [wheel], trial.modules)
        lacking: list[str] = []
        needed = package.besides or requirements(wheel, self._environment)
        if needed and not all(result.ok for result in results):
            others, lacking = _required(builder, job, package.besides)
            results = self._results(builder, [wheel, *others], trial.modules)
        trial = replace(trial, imported=sum(result.ok for result in results))
        result, reason = judged(results, package.excused)
        more = f" (not to be had: {', '.join(lacking)})" if lacking and result is Result.IMPORT else ""
        return replace(trial, result=result, reason=f"{reason}{more}")

    def _results(self, builder: PackageBuilder, wheels: Sequence[Wheel], modules: Sequence[str]) -> list[ImportResult]:
        root = runtime_root(builder.context, builder.environment.host, wheels)
        return self.importer(builder.context, root.path, modules)

    @property
    def _environment(self) -> dict[str, str]:
        return target_environment(self.builder.environment.host.version)


def judged(results: Sequence[ImportResult], excuses: Sequence[Excuse]) -> tuple[Result, str]:
    """Return what the imports of a package come to, and why.

    An excuse holds for a module that fails for the one reason that it names, and only beside one that can be imported.
    Raises RecipeError for an excuse of a module that is not there, or needs none.
    """
    failed = {result.module: result.line for result in results if not result.ok}
    if idle := [excuse.module for excuse in excuses if excuse.module not in failed]:
        raise RecipeError(f"{PLACE} excuses {', '.join(idle)}, which can be imported or is not in the wheel")
    excused = [excuse for excuse in excuses if excuse.covers(failed[excuse.module])]
    left = [f"{name}: {line}" for name, line in failed.items() if name not in {excuse.module for excuse in excused}]
    if left:
        return Result.IMPORT, left[0]
    if len(failed) == len(results):
        return Result.IMPORT, next(f"{name}: {line}" for name, line in failed.items())
    told = [f"{excuse.module} wants {excuse.lacks}, which the guest has not: {excuse.reason}" for excuse in excused]
    return (Result.EXCUSED if excused else Result.IMPORTS), "; ".join(told)


def _required(builder: PackageBuilder, job: Job, besides: Sequence[str]) -> tuple[list[Wheel], list[str]]:
    """Return the wheels of what a package requires, and those `besides`; and the names of what cannot be had."""
    wanted, name = _pinned(job.release.name, job.release.version), job.release.name
    planner = Planner(builder=builder, facts=FactsReader(builder=builder), present={}, choices={str(wanted): job})
    outcomes, failures = PlanRun(builder=builder, planner=planner, keep_going=True).run(
        [wanted, *map(Requirement, besides)]
    )
    others = [outcome.wheel for outcome in outcomes if outcome.job.release.name != name]
    return others, [failure.name for failure in failures if failure.name != name]


def _pinned(name: str, version: str) -> Requirement:
    return Requirement(f"{name}=={version}")


def refuses_platform(line: str) -> bool:
    """Tell whether a build ended with words of its own script that it does not know the platform."""
    return _PLATFORM.search(line) is not None


def _failure(error: PywasmError, log: Path) -> dict[str, Any]:
    """Return result and reason of a build that failed."""
    if isinstance(error, CommandFailed):
        reason = _without_paths(telling_line_of(error.log or log) or one_line(error))
        if error.returncode is None:
            return {"result": Result.SLOW, "reason": reason}
        return {"result": Result.PLATFORM if refuses_platform(reason) else Result.BUILD, "reason": reason}
    reason = _without_paths(one_line(error))
    return {"result": Result.LINK if isinstance(error, WheelError) else Result.BUILD, "reason": reason}


def _without_paths(text: str) -> str:
    """Return a reason as it may be shown; paths of this machine are nothing to show."""
    return shown(_STORE.sub("<store>", text))
