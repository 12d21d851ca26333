"""Carry out a plan: build what can be built, side by side; what fails stops only what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.crew import Crew
from pywasm_build.errors import BuildError, CommandFailed, DownloadError, PywasmError, WheelError
from pywasm_build.index import Release
from pywasm_build.outcomes import Failure, Outcome, Progress, blocked, installable
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.plan import Plan, Step
from pywasm_build.planner import Planner
from pywasm_build.telling_line import telling_line_of

# Their builds run as many compilers at once as there are processors; the others run one after the other.
_WIDE = ("meson-python", "scikit-build-core")
# A build that failed so may do without the compiled part; this machine's troubles are another matter.
_ABOUT_THE_PACKAGE = (BuildError, CommandFailed, WheelError)


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
            made = self._carry_out(plan)
            if not made.learned:
                return installable(plan, made.outcomes, made.failures)

    def _carry_out(self, plan: Plan) -> Progress:
        """Take each step."""
        made = Progress(waiting=[step for step in plan.steps if not step.problem])
        made.failures = {step.name: self._refused(step) for step in plan.steps if step.problem}
        context = self.builder.context
        with Crew[Outcome](runner=context.runner, room=context.jobs) as workers:
            while self._begin(made, workers):
                name, result = workers.next_ended()
                step = made.end(name)
                if self._can_do_otherwise(step, result):
                    made.learned = True
                else:
                    made.settle(step, self._noted(step, result))
        return made

    def _can_do_otherwise(self, step: Step, result: Outcome | PywasmError) -> bool:
        """Have the next plan take a pure wheel where a build failed; tell whether there is one."""
        job = _job(step)
        if not isinstance(result, _ABOUT_THE_PACKAGE):
            return False
        failure = self._failure(job, result)
        log = f" (the full log is {self.builder.context.display(failure.log)})" if failure.log else ""
        try:
            other = self.planner.take_instead(job, f"{failure.reason}{log}")
        except DownloadError:
            return False
        if other:
            self.builder.context.say(f"warning: {job.title}: {result}\nits pure wheel {other.release.file} is taken")
        return other is not None

    def _begin(self, made: Progress, workers: Crew[Outcome]) -> bool:
        """Settle what needs no work, then start what there is room for; tell whether anything is under way."""
        for step in list(made.waiting):
            if known := self._known(step, made):
                made.settle(step, known)
        for step in [step for step in made.waiting if made.is_ready(step)]:
            room = _room(step, workers.room)
            if not workers.has_room(room):
                # A smaller one shall not overtake, or a big one might wait till the end.
                break
            made.begin(step)
            workers.start(step.name, partial(self._build, _job(step)), room=room)
        return workers.busy

    def _known(self, step: Step, made: Progress) -> Outcome | Failure | None:
        """Return what a step comes to if that takes no work, else None."""
        job = _job(step)
        if known := blocked(step, made.failures) or self._done.get(job.release):
            return known
        if step.facts and step.facts.cached and not self._is_clean(job):
            return self._taken(step)
        return None

    def _refused(self, step: Step) -> Failure:
        assert step.problem
        if not self.keep_going:
            raise step.problem
        return Failure(name=step.name, version=step.version, reason=one_line(step.problem))

    def _taken(self, step: Step) -> Outcome | Failure:
        """Take what is built already: it waits for nobody."""
        try:
            return self._noted(step, self._build(_job(step)))
        except PywasmError as error:
            return self._noted(step, error)

    def _noted(self, step: Step, result: Outcome | PywasmError) -> Outcome | Failure:
        """Remember what a build has come to, for the next plan; raise its error if that ends all."""
        job = _job(step)
        if isinstance(result, PywasmError):
            if not self.keep_going:
                raise result
            self.builder.context.say(f"error: {job.title}: {result}")
            self._done[job.release] = self._failure(job, result)
        else:
            self._done[job.release] = replace(result, note=step.note)
        return self._done[job.release]

    def _build(self, job: Job) -> Outcome:
        started, clean = time.monotonic(), self._is_clean(job)
        known = not clean and self.builder.context.store.find(self.builder.stage(job)) is not None
        wheel = self.builder.build(job, clean=clean)
        return Outcome(job=job, wheel=wheel, built=not known, seconds=time.monotonic() - started)

    def _is_clean(self, job: Job) -> bool:
        return canonicalize_name(job.release.name) in self.clean

    def _failure(self, job: Job, error: PywasmError) -> Failure:
        log = error.log if isinstance(error, CommandFailed) else self.builder.context.workspace.log(job.release.name)
        if log is None or not log.is_file() or job.release.is_wheel or isinstance(error, DownloadError):
            log = None
        # A wheel that was made and refused: the log has no line for it.
        told = telling_line_of(log) if log and isinstance(error, CommandFailed) else ""
        return Failure(name=job.release.name, version=job.release.version, reason=told or one_line(error), log=log)


def _job(step: Step) -> Job:
    assert step.job  # else it has a problem
    return step.job


def _room(step: Step, all_of_it: int) -> int:
    """Return how many processors a build can use."""
    return all_of_it if step.facts and step.facts.build_system.startswith(_WIDE) else 1


def one_line(error: PywasmError) -> str:
    """Return the line of an error's message that says most: the first one, or the first of those that it lists."""
    lines = str(error).splitlines() or [type(error).__name__]
    return next((line.strip().removeprefix("- ") for line in lines[1:] if line.strip().startswith("- ")), lines[0])
