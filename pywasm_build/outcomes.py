"""What becomes of the packages of a plan: built, cached, failed, or skipped for want of another one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pywasm_build.packages import Job
from pywasm_build.plan import Plan, Step
from pywasm_build.wheels import Wheel


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One package of an installation: its wheel, and whether it was built now.

    note: why something else than the best of it was taken, "" if it was not.
    """

    job: Job
    wheel: Wheel
    built: bool
    seconds: float
    note: str = ""


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
class Progress:
    """What a plan has come to so far; `waiting` are the steps that were not begun, in the order of the plan.

    learned: a build has shown what was not certain before.
    """

    waiting: list[Step]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    learned: bool = False
    _under_way: dict[str, Step] = field(default_factory=dict)

    def begin(self, step: Step) -> None:
        """Note that a step is under way."""
        self.waiting.remove(step)
        self._under_way[step.name] = step

    def end(self, name: str) -> Step:
        """Note that a step is not under way any more, and return it."""
        return self._under_way.pop(name)

    def settle(self, step: Step, result: Outcome | Failure) -> None:
        """Note what a step has come to."""
        if step in self.waiting:
            self.waiting.remove(step)
        if isinstance(result, Failure):
            self.failures[step.name] = result
        else:
            self.outcomes[step.name] = result
            self.learned = self.learned or not (step.facts and step.facts.certain)

    def is_ready(self, step: Step) -> bool:
        """Tell whether all that a step needs is there; of a circle, what comes earlier."""
        missing = {*self._under_way, *(one.name for one in self.waiting[: self.waiting.index(step)])}
        return missing.isdisjoint(step.needs)


def blocked(step: Step, failures: dict[str, Failure]) -> Failure | None:
    """Return the failure of a step that needs one that failed, None if nothing is in its way."""
    for name in step.needs:
        if failed := failures.get(name):
            how = "was skipped" if failed.skipped else "failed"
            return Failure(
                name=step.name, version=step.version, reason=f"it needs {failed.name}, which {how}", skipped=True
            )
    return None


def installable(
    plan: Plan, outcomes: dict[str, Outcome], failures: dict[str, Failure]
) -> tuple[list[Outcome], list[Failure]]:
    """Leave out what needs a later member of its circle that failed; return outcomes and failures in order."""
    steps = {step.name: step for step in plan.steps}
    while lost := {name: found for name in outcomes if (found := blocked(steps[name], failures))}:
        failures |= lost
        outcomes = {name: outcome for name, outcome in outcomes.items() if name not in lost}
    return [outcomes[name] for name in steps if name in outcomes], [failures[n] for n in steps if n in failures]
