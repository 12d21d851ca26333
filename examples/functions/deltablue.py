"""Keep constraints as they come and go, weak ones given up for strong ones: a benchmark of plain Python.

A constraint has ways to hold: each sets one variable from others. The solver picks a way for each constraint so that no
variable is set twice; a change is then computed by a plan: the picked ways behind it, in their order. It is the idea
of the incremental solver DeltaBlue.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

import pywasm_host as host

DEFAULTS = {"size": 100, "edits": 100}


class Strength(IntEnum):
    """Say how much a constraint matters: the higher, the more."""

    NONE, STAY, EDIT, REQUIRED = range(4)


@dataclass(eq=False)
class Variable:
    """Hold a value, who sets it, and what a constraint must exceed to set it instead."""

    value: int = 0
    constraints: list["Constraint"] = field(default_factory=list)
    setter: "Constraint | None" = None
    strength: Strength = Strength.NONE


@dataclass(frozen=True, eq=False)
class Way:
    """Set `output` from the inputs; without `compute` it is left as it is."""

    output: Variable
    inputs: tuple[Variable, ...] = ()
    compute: Callable[..., int] | None = None


@dataclass(eq=False)
class Constraint:
    """Hold the ways in which a constraint can hold, and the picked one; None while it is given up."""

    strength: Strength
    ways: tuple[Way, ...]
    picked: Way | None = None

    @property
    def variables(self) -> set[Variable]:
        """Give all that it is about."""
        return {variable for way in self.ways for variable in (way.output, *way.inputs)}


def faasm_main() -> None:
    """Run both parts; the input is JSON: size, edits. Writes in JSON how many times a way was computed."""
    wanted = DEFAULTS | (host.read_input_json() if host.read_input() else {})
    begin = time.perf_counter()
    done = {"chain": along_a_chain(**wanted), "projection": by_a_projection(**wanted)}
    print(f"{done} in {time.perf_counter() - begin:.3f} s")
    host.write_output_json(done)


def along_a_chain(size: int, edits: int) -> int:
    """Edit the first of variables that are all equal, and see the last follow."""
    row = [Variable() for _ in range(size + 1)]
    for one, other in pairwise(row):
        add(equal(one, other))
    add(Constraint(Strength.STAY, (Way(row[-1]),)))
    return edit(row[0], range(1, edits + 1), lambda value: row[-1].value == value)


def by_a_projection(size: int, edits: int) -> int:
    """Edit what goes into `result = source * scale + offset`, and the result: then the source follows."""
    scale, offset = Variable(10), Variable(1000)
    pairs = [(Variable(number), Variable()) for number in range(size)]
    for source, result in pairs:
        add(Constraint(Strength.STAY, (Way(source),)))
        add(projection(source, scale, offset, result))
    source, result = pairs[-1]
    return (
        edit(source, range(edits), lambda value: result.value == value * 10 + 1000)
        + edit(result, range(1000, 1000 + 10 * edits, 10), lambda value: source.value == (value - 1000) // 10)
        + edit(scale, range(1, edits + 1), lambda value: all(r.value == s.value * value + 1000 for s, r in pairs))
        + edit(offset, range(edits), lambda value: all(r.value == s.value * edits + value for s, r in pairs))
    )


def equal(one: Variable, other: Variable) -> Constraint:
    """Make a constraint: two variables are equal."""
    return Constraint(Strength.REQUIRED, (Way(other, (one,), lambda a: a), Way(one, (other,), lambda b: b)))


def projection(source: Variable, scale: Variable, offset: Variable, result: Variable) -> Constraint:
    """Make a constraint: `result` is `source` times `scale` plus `offset`; these two are never set by it."""
    there = Way(result, (source, scale, offset), lambda s, k, o: s * k + o)
    back = Way(source, (result, scale, offset), lambda r, k, o: (r - o) // k)
    return Constraint(Strength.REQUIRED, (there, back))


def edit(variable: Variable, values: Iterable[int], holds: Callable[[int], bool]) -> int:
    """Set a variable to one value after the other by one plan, check what follows, and count what was computed."""
    editing = Constraint(Strength.EDIT, (Way(variable),))
    add(editing)
    plan, computed = ways_behind(variable), 0
    for value in values:
        variable.value = value
        run(plan)
        computed += len(plan)
        if not holds(value):
            raise ValueError(f"after an edit to {value} the constraints do not hold")
    remove(editing)
    return computed


def add(constraint: Constraint) -> None:
    """Have a constraint hold, if it is strong enough."""
    for variable in constraint.variables:
        variable.constraints.append(constraint)
    restore(constraint)


def remove(constraint: Constraint) -> None:
    """Take a constraint away; those that were given up for it may hold again, strong ones first."""
    for variable in constraint.variables:
        variable.constraints.remove(constraint)
    if constraint.picked is None:
        return
    freed = constraint.picked.output
    constraint.picked, freed.setter, freed.strength = None, None, Strength.NONE
    changed = [freed, *(way.output for way in renew_strengths(freed))]
    given_up = {one: None for variable in changed for one in variable.constraints if one.picked is None}
    for one in sorted(given_up, key=lambda one: -one.strength):
        restore(one)


def restore(constraint: Constraint) -> None:
    """Have a constraint hold, if it is strong enough; one that it displaces is to hold in another way, and so on."""
    tried: set[Variable] = set()
    displaced: Constraint | None = constraint
    while displaced is not None:
        displaced = pick(displaced, tried)


def pick(constraint: Constraint, tried: set[Variable]) -> Constraint | None:
    """Pick the way whose output is held most weakly; give the constraint that held it until now."""
    ways = [way for way in constraint.ways if way.output not in tried and way.output.strength < constraint.strength]
    if not ways:
        if constraint.strength is Strength.REQUIRED:
            raise ValueError("a required constraint cannot hold: others that are required are in its way")
        return None
    constraint.picked = min(ways, key=lambda way: way.output.strength)
    output = constraint.picked.output
    displaced, output.setter = output.setter, constraint
    if displaced is not None:
        displaced.picked = None
    tried.update((output, *constraint.picked.inputs))
    update_strength(constraint)
    run([constraint.picked, *renew_strengths(output)])
    return displaced


def update_strength(constraint: Constraint) -> None:
    """Say how strongly the output is held: as the constraint is, or as the weakest that it could set instead."""
    if constraint.picked is not None:
        output = constraint.picked.output
        others = [way.output.strength for way in constraint.ways if way.output is not output]
        output.strength = min([constraint.strength, *others])


def renew_strengths(changed: Variable) -> list[Way]:
    """Renew the strengths behind a variable, and give the ways there."""
    ways = ways_behind(changed)
    for way in ways:
        if way.output.setter is not None:
            update_strength(way.output.setter)
    return ways


def ways_behind(changed: Variable) -> list[Way]:
    """Give the picked ways that a variable has an influence on, each after those that its inputs come from."""
    waiting: Counter[Way] = Counter()
    reached = [changed]
    for variable in reached:
        for way in ways_from(variable):
            if way not in waiting:
                reached.append(way.output)
            waiting[way] += 1
    ordered: list[Way] = []
    ready = [changed]
    for variable in ready:
        for way in ways_from(variable):
            waiting[way] -= 1
            if not waiting[way]:
                ordered.append(way)
                ready.append(way.output)
    if len(ordered) < len(waiting):
        raise ValueError("constraints depend on each other in a circle")
    return ordered


def ways_from(variable: Variable) -> list[Way]:
    """Give the picked ways that have a variable as input."""
    picked = (constraint.picked for constraint in variable.constraints)
    return [way for way in picked if way is not None and way.output is not variable]


def run(plan: Iterable[Way]) -> None:
    """Compute what a plan says."""
    for way in plan:
        if way.compute is not None:
            way.output.value = way.compute(*[one.value for one in way.inputs])
