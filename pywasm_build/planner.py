"""Work out, before anything is built, which packages a request needs, in which versions and in which order.

A version is chosen when a package is first required. When something that comes later does not take it, all starts again
with what is known then, until everything fits or there is no version that all take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pywasm_build.build_order import build_order
from pywasm_build.errors import BuildError, PywasmError, RecipeError, WheelError
from pywasm_build.index import Release
from pywasm_build.package_facts import Facts, FactsReader
from pywasm_build.packages import Job, PackageBuilder
from pywasm_build.plan import ASKED_FOR, Demand, Plan, Step
from pywasm_build.wheels import target_environment


@dataclass(kw_only=True)
class _Draft:
    """One attempt to choose versions, in the order in which packages are required."""

    jobs: dict[str, Job] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    problems: dict[str, PywasmError] = field(default_factory=dict)
    demands: dict[str, list[Demand]] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)
    extras: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Makes plans with what a builder can choose.

    present: what is installed, by canonical name; it is kept as it is unless it is asked for.
    choices: what was chosen for each requirement so far.
    instead: what is taken instead of a release that cannot be built.
    notes: why something was taken instead of another release.
    """

    builder: PackageBuilder
    facts: FactsReader
    present: Mapping[str, Job]
    experimental: bool = False
    choices: dict[str, Job] = field(default_factory=dict)
    instead: dict[Release, Job] = field(default_factory=dict)
    notes: dict[Release, str] = field(default_factory=dict)

    def plan(self, wanted: Sequence[Requirement]) -> Plan:
        """Return the plan for a request; what is wrong with a package is the problem of its step."""
        asked = [Demand(requirement=requirement, by=ASKED_FOR) for requirement in wanted]
        kept = {name: job for name, job in self.present.items() if name not in {demand.name for demand in asked}}
        known: dict[str, list[Demand]] = {}
        for demand in self._standing_demands(kept):
            known.setdefault(demand.name, []).append(demand)
        while True:
            draft = self._draft(asked, kept, known)
            clashes = [clash for clash in _clashes(draft) if str(clash) not in map(str, known.get(clash.name, []))]
            if not clashes:
                return _ordered(draft, self.notes)
            for clash in clashes:
                known.setdefault(clash.name, []).append(clash)

    def take_instead(self, job: Job, why: str) -> Job | None:
        """Take the pure wheel of a package whose sdist cannot be built from now on; None if there is none."""
        other = self.builder.alternative(job)
        if other:
            self.instead[job.release] = other
            self.notes[other.release] = f"without its compiled part: {why}"
        return other

    def _standing_demands(self, kept: Mapping[str, Job]) -> list[Demand]:
        """Return what installed packages require, as far as that is known without a build."""
        demands = []
        for job in kept.values():
            wheel = self.facts.built(job)
            for requirement in wheel.applying(self._environment) if wheel else ():
                demands.append(Demand(requirement=requirement, by=job.title))
        return demands

    def _draft(self, asked: Sequence[Demand], kept: Mapping[str, Job], known: Mapping[str, list[Demand]]) -> _Draft:
        draft, queue = _Draft(), deque(asked)
        while queue:
            demand = queue.popleft()
            draft.demands.setdefault(demand.name, []).append(demand)
            if demand.name not in draft.jobs and demand.name not in draft.problems:
                queue += self._settle(demand, draft, kept, known)
            # Once without extras, then again only for extras that nobody has asked for yet: circles end here.
            extras = {canonicalize_name(extra) for extra in demand.requirement.extras}
            if demand.name in draft.facts and demand.name not in draft.problems and extras - draft.extras[demand.name]:
                draft.extras[demand.name] |= extras
                queue += self._demands_of(draft, demand.name, tuple(extras))
        return draft

    def _settle(
        self, demand: Demand, draft: _Draft, kept: Mapping[str, Job], known: Mapping[str, list[Demand]]
    ) -> list[Demand]:
        """Choose a release for what is required the first time; return what it requires itself."""
        name = demand.name
        draft.needs[name], draft.extras[name] = [], set()
        try:
            job = kept.get(name) or self._choose(demand, known.get(name, []))
            job = self.instead.get(job.release, job)
            draft.jobs[name] = job
            facts = self.facts.read(job)
            if facts.obstacle and (other := self.take_instead(job, facts.obstacle)):
                draft.jobs[name], facts = other, self.facts.read(other)
        except PywasmError as error:
            draft.problems[name] = error
            return []
        draft.facts[name] = facts
        if facts.obstacle:
            draft.problems[name] = BuildError(f"{job.title} cannot be built: {facts.obstacle}")
            return []
        extra = [Requirement(text) for text in (job.recipe.requires if job.recipe else ())]
        return self._demands_of(draft, name, (), extra)

    def _demands_of(
        self, draft: _Draft, name: str, extras: Sequence[str], more: Sequence[Requirement] = ()
    ) -> list[Demand]:
        requires = [*draft.facts[name].applying(self._environment, extras), *more]
        demands = [Demand(requirement=requirement, by=draft.jobs[name].title) for requirement in requires]
        draft.needs[name] += [demand.name for demand in demands if demand.name not in (name, *draft.needs[name])]
        return demands

    def _choose(self, demand: Demand, known: Sequence[Demand]) -> Job:
        if demand.requirement.url:
            raise WheelError(f"{demand.requirement} is required from a URL, but packages come from indexes: patch it")
        specifiers = [demand.requirement.specifier, *(other.requirement.specifier for other in known)]
        combined = SpecifierSet(",".join(sorted({str(one) for one in specifiers if str(one)})))
        wanted = Requirement(f"{demand.requirement.name}{combined}")
        try:
            return self._choice(wanted)
        except RecipeError as error:
            if not known:
                raise
            # Without the others' demands: one that fails by itself has its own words.
            self._choice(demand.requirement)
            raise WheelError(_conflict(demand.name, [demand, *known], "no version suits all")) from error

    def _choice(self, wanted: Requirement) -> Job:
        """Choose once for each requirement: an index takes its time, and warnings are not to be repeated."""
        key = f"{wanted.name}{wanted.specifier}"
        if key not in self.choices:
            try:
                self.choices[key] = self.builder.choose(wanted, experimental=self.experimental)
            except RecipeError as error:
                self._explain(wanted, error)
                raise
        return self.choices[key]

    def _explain(self, wanted: Requirement, error: RecipeError) -> None:
        """Raise an error that says more if a package is there, but not for the guest."""
        if self.builder.registry.find(wanted.name):
            return
        if other := self.builder.index.for_others(wanted):
            short = self.builder.environment.host.short
            raise RecipeError(
                f"no index has {wanted} for Python {short} in wasm, neither an sdist nor a pure wheel; what there is,"
                f" such as {other.file}, is for other machines or versions of Python"
            ) from error

    @cached_property
    def _environment(self) -> dict[str, str]:
        return target_environment(self.builder.environment.host.version)


def _clashes(draft: _Draft) -> list[Demand]:
    """Return the demands that the chosen versions do not satisfy."""
    return [
        demand
        for name, job in draft.jobs.items()
        for demand in draft.demands[name]
        if not demand.takes(job.release.version)
    ]


def _ordered(draft: _Draft, notes: Mapping[Release, str]) -> Plan:
    for demand in _clashes(draft):
        job = draft.jobs[demand.name]
        words = _conflict(demand.name, draft.demands[demand.name], f"{job.title} is installed")
        draft.problems.setdefault(demand.name, WheelError(words))
    groups = build_order(draft.needs)
    steps = [_step(draft, name, notes) for group in groups for name in group]
    return Plan(steps=tuple(steps), circles=tuple(tuple(group) for group in groups if len(group) > 1))


def _step(draft: _Draft, name: str, notes: Mapping[Release, str]) -> Step:
    job, facts, problem = draft.jobs.get(name), draft.facts.get(name), draft.problems.get(name)
    return Step(
        name=name,
        job=job,
        facts=facts,
        needs=tuple(draft.needs[name]),
        why=tuple(dict.fromkeys(demand.by for demand in draft.demands[name])),
        problem=problem,
        note=notes.get(job.release, "") if job else "",
    )


def _conflict(name: str, demands: Sequence[Demand], fact: str) -> str:
    said = ", ".join(dict.fromkeys(map(str, demands)))
    return f"the versions of {name} conflict: {said}; {fact}. Name versions that fit together"
