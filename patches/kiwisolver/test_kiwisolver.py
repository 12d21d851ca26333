import gc
import weakref

import kiwisolver
import pytest
from kiwisolver import Constraint, Solver, UnsatisfiableConstraint, Variable, strength


def test_it_is_compiled():
    assert kiwisolver._cext.__file__.endswith(".so")


def test_constraints_are_solved():
    left, middle, right = Variable("left"), Variable("middle"), Variable("right")
    solver = Solver()
    for constraint in (left >= 0, right <= 100, left + right == 2 * middle, right - left >= 20, left >= 1):
        solver.addConstraint(constraint)
    solver.addConstraint((left == 10) | "weak")
    solver.addEditVariable(middle, "strong")
    for value, expected in ((60, (20, 60, 100)), (40, (10, 40, 70)), (500, (80, 90, 100))):
        solver.suggestValue(middle, value)
        solver.updateVariables()
        assert (left.value(), middle.value(), right.value()) == expected


def test_a_contradiction_is_an_exception():
    # A C++ exception becomes one of Python.
    x = Variable("x")
    solver = Solver()
    solver.addConstraint(x >= 10)
    with pytest.raises(UnsatisfiableConstraint) as caught:
        solver.addConstraint(x <= 5)
    assert isinstance(caught.value.constraint, Constraint)
    assert caught.value.constraint.expression().constant() == -5
    assert not solver.hasConstraint(caught.value.constraint)


def test_strengths_and_expressions():
    assert strength.required > strength.strong > strength.medium > strength.weak
    x, y = Variable("x"), Variable("y")
    constraint = (3 * x + 2 <= y) | "weak"
    assert constraint.strength() == strength.weak
    terms = {term.variable().name(): term.coefficient() for term in constraint.expression().terms()}
    assert terms == {"x": 3, "y": -1}
    assert constraint.expression().constant() == 2


class Context:
    """Holds a variable that holds it."""

    def __init__(self, variable):
        self.variable = variable


def test_circles_are_collected():
    context = Context(Variable("x"))
    context.variable.setContext(context)
    gone = weakref.ref(context)
    del context
    gc.collect()
    assert gone() is None
