"""Say what a plan is: the packages that a request needs, in the order in which they are built, and why."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.errors import PywasmError
from pywasm_build.package_facts import Facts
from pywasm_build.packages import Job

ASKED_FOR = "asked for"


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A requirement and who has it: name and version of a package, or ASKED_FOR."""

    requirement: Requirement
    by: str

    @property
    def name(self) -> str:
        """The canonical name of what is required."""
        return canonicalize_name(self.requirement.name)

    def takes(self, version: str) -> bool:
        """Tell whether a version satisfies it."""
        return self.requirement.specifier.contains(version, prereleases=True)

    def __str__(self) -> str:
        """Say who requires what."""
        wanted = f"{self.requirement.name}{self.requirement.specifier}"
        return f"{wanted} is {ASKED_FOR}" if self.by == ASKED_FOR else f"{self.by} requires {wanted}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One package of a plan.

    job: what is built or taken; None when nothing could be chosen.
    needs: the canonical names of what it requires in the guest.
    why: who requires it.
    problem: why it cannot be had, which is known before anything is built.
    note: why something else than the best of it is taken, "" if it is not.
    """

    name: str
    job: Job | None
    facts: Facts | None
    needs: tuple[str, ...]
    why: tuple[str, ...]
    problem: PywasmError | None
    note: str = ""

    @property
    def version(self) -> str:
        """The version that was chosen, "" for none."""
        return self.job.release.version if self.job else ""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps in the order in which they are built: what a package needs comes first; `circles` are the exceptions."""

    steps: tuple[Step, ...]
    circles: tuple[tuple[str, ...], ...]
