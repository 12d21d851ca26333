"""Carry out a plan: build what can be built; what fails stops only what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.errors import CommandFailed, DownloadError, PywasmError
from pywasm_build.index import Release
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.plan import Plan, Step
from pywasm_build.planner import Planner
from pywasm_build.telling_line import telling_line_of
from pywasm_build.wheels import Wheel


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One package of an installation: its wheel, and whether it was built now."""

    job: Job
    wheel: Wheel
    built: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A package that could not be had, and why, in one line.

    skipped: it was left out because what it needs failed.
    log: the full log of its build if there is one.
    """

    name: str
    version: str
    reason: str
    skipped: bool = False
    log: Path | None = None


@dataclass(kw_only=True)
class PlanRun:
    """One request that is planned and carried out.

    clean: the names of packages that are built afresh.
    keep_going: go on after a failure; else it is raised.
    show: is called with the first plan before anything is built, and again when builds have revealed more packages.
    """

    builder: PackageBuilder
    planner: Planner
    clean: frozenset[str] = frozenset()
    keep_going: bool = False
    show: Callable[[Plan], None] = lambda plan: None
    _done: dict[Release, Outcome | Failure] = field(default_factory=dict)

    def run(self, wanted: Sequence[Requirement]) -> tuple[list[Outcome], list[Failure]]:
        """Plan and build; return what can be installed and what cannot, both in the order of the plan.

        What an sdist does not say of its requirements, its wheel does: then there is another plan with more packages.
        """
        shown: set[str] = set()
        while True:
            plan = self.planner.plan(wanted)
            if {step.title for step in plan.steps} - shown:
                self.show(plan)
            shown = {step.title for step in plan.steps}
            outcomes, failures, learned = self._carry_out(plan)
            if not learned:
                return _installable(plan, outcomes, failures)

    def _carry_out(self, plan: Plan) -> tuple[dict[str, Outcome], dict[str, Failure], bool]:
        """Take each step; tell whether a build has shown what was not certain before."""
        outcomes: dict[str, Outcome] = {}
        failures = {step.name: self._refused(step) for step in plan.steps if step.problem}
        learned = False
        for step in plan.steps:
            if step.name in failures:
                continue
            if blocked := _blocked(step, failures):
                failures[step.name] = blocked
                continue
            result = self._take(step)
            if isinstance(result, Failure):
                failures[step.name] = result
            else:
                outcomes[step.name] = result
                learned = learned or not (step.facts and step.facts.certain)
        return outcomes, failures, learned

    def _refused(self, step: Step) -> Failure:
        assert step.problem
        if not self.keep_going:
            raise step.problem
        return Failure(name=step.name, version=step.version, reason=one_line(step.problem))

    def _take(self, step: Step) -> Outcome | Failure:
        job = step.job
        assert job
        if job.release not in self._done:
            self._done[job.release] = self._build(job)
        return self._done[job.release]

    def _build(self, job: Job) -> Outcome | Failure:
        started = time.monotonic()
        clean = canonicalize_name(job.release.name) in self.clean
        try:
            known = not clean and self.builder.context.store.find(self.builder.stage(job)) is not None
            wheel = self.builder.build(job, clean=clean)
        except PywasmError as error:
            if not self.keep_going:
                raise
            self.builder.context.say(f"error: {job.title}: {error}")
            return self._failure(job, error)
        return Outcome(job=job, wheel=wheel, built=not known, seconds=time.monotonic() - started)

    def _failure(self, job: Job, error: PywasmError) -> Failure:
        log = error.log if isinstance(error, CommandFailed) else self.builder.context.workspace.log(job.release.name)
        if log is None or not log.is_file() or job.release.is_wheel or isinstance(error, DownloadError):
            log = None
        # A wheel that was made and refused: the log has no line for it.
        told = telling_line_of(log) if log and isinstance(error, CommandFailed) else ""
        return Failure(name=job.release.name, version=job.release.version, reason=told or one_line(error), log=log)


def one_line(error: PywasmError) -> str:
    """Return the line of an error's message that says most: the first one, or the first of those that it lists."""
    lines = str(error).splitlines() or [type(error).__name__]
    return next((line.strip().removeprefix("- ") for line in lines[1:] if line.strip().startswith("- ")), lines[0])


def _blocked(step: Step, failures: dict[str, Failure]) -> Failure | None:
    """Return the failure of a step that needs one that failed, None if nothing is in its way."""
    for name in step.needs:
        if failed := failures.get(name):
            how = "was skipped" if failed.skipped else "failed"
            return Failure(
                name=step.name, version=step.version, reason=f"it needs {failed.name}, which {how}", skipped=True
            )
    return None


def _installable(
    plan: Plan, outcomes: dict[str, Outcome], failures: dict[str, Failure]
) -> tuple[list[Outcome], list[Failure]]:
    """Leave out what needs a later member of its circle that failed; return outcomes and failures in order."""
    steps = {step.name: step for step in plan.steps}
    while lost := {name: blocked for name in outcomes if (blocked := _blocked(steps[name], failures))}:
        failures |= lost
        outcomes = {name: outcome for name, outcome in outcomes.items() if name not in lost}
    return [outcomes[name] for name in steps if name in outcomes], [failures[n] for n in steps if n in failures]
