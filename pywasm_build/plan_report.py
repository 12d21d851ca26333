"""Show plans and what came of them as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pywasm_build.outcomes import Failure, Outcome
from pywasm_build.plan import ASKED_FOR, Plan, Step
from pywasm_build.plan_run import one_line
from pywasm_build.progress import human_seconds, human_size, table


def plan_text(plan: Plan) -> str:
    """Return a plan as its user reads it: each package, from where, why, and what is known to be in the way."""
    lines = [table(("package", "version", "from", "build system", "why"), [_plan_row(step) for step in plan.steps])]
    lines += [f"error: {one_line(step.problem)}" for step in plan.steps if step.problem]
    lines += [f"warning: the pure wheel of {step.name} is taken, {step.note}" for step in plan.steps if step.note]
    lines += [f"{name} is left out: it needs {needed}" for name, needed in _left_out(plan).items()]
    lines += [_circle(circle) for circle in plan.circles]
    unsure = [step.name for step in plan.steps if step.facts and not step.facts.certain]
    if unsure:
        lines.append(f"what else {', '.join(unsure)} may require is known after the build")
    return "\n".join(lines)


def _plan_row(step: Step) -> tuple[str, ...]:
    facts = step.facts
    origin = f"{facts.origin.value}, cached" if facts and facts.cached else facts.origin.value if facts else "-"
    return step.name, step.version or "-", origin, (facts.build_system if facts else "") or "-", _why(step)


def _why(step: Step) -> str:
    needing = ", ".join(by for by in step.why if by != ASKED_FOR)
    return ", ".join(
        text for text in (ASKED_FOR if ASKED_FOR in step.why else "", needing and f"needed by {needing}") if text
    )


def _left_out(plan: Plan) -> dict[str, str]:
    """Map the packages that a plan cannot reach to one that is in their way."""
    lost = {step.name for step in plan.steps if step.problem}
    found: dict[str, str] = {}
    # A step comes after what it needs, but for circles: as often as there is something new.
    for _ in plan.steps:
        for step in plan.steps:
            if step.name not in lost | set(found) and (needed := next((n for n in step.needs if n in lost), None)):
                found[step.name] = needed
        if lost.issuperset(found):
            break
        lost |= set(found)
    return found


def _circle(circle: Sequence[str]) -> str:
    way = " -> ".join([*circle, circle[0]])
    return f"these need each other ({way}): they are built one after the other, and installed together"


def closing_text(
    outcomes: Sequence[Outcome],
    failures: Sequence[Failure],
    display: Callable[[Path], str] = str,
    notes: Mapping[str, str] | None = None,
) -> str:
    """Return the table at the end of an installation: built, cached, failed and skipped packages, with the reasons.

    display: how the path of a log is shown.
    notes: what is to be said of packages that are installed.
    """
    rows = [_outcome_row(outcome, (notes or {}).get(outcome.job.release.name, "")) for outcome in outcomes]
    rows += [_failure_row(failure, display) for failure in failures]
    counts = Counter(row[2] for row in rows)
    closing = ", ".join(f"{number} {result}" for result, number in counts.items())
    return "\n".join([table(("package", "version", "result", "size", "time", "why"), rows), closing]) if rows else ""


def _outcome_row(outcome: Outcome, note: str) -> tuple[str, ...]:
    size = human_size(outcome.wheel.path.stat().st_size)
    result = "pure wheel" if outcome.note else "built" if outcome.built else "cached"
    release = outcome.job.release
    return (
        release.name,
        release.version,
        result,
        size,
        human_seconds(outcome.seconds),
        "; ".join(filter(None, (outcome.note, note))),
    )


def _failure_row(failure: Failure, display: Callable[[Path], str]) -> tuple[str, ...]:
    result = "skipped" if failure.skipped else "failed"
    log = f" (the full log is {display(failure.log)})" if failure.log else ""
    return failure.name, failure.version or "-", result, "-", "-", failure.reason + log
