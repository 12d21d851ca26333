import itertools

import pycosat
import pytest


def test_it_is_compiled():
    assert pycosat.__file__.endswith(".so")


def satisfies(solution, clauses):
    true = set(solution)
    return all(any(literal in true for literal in clause) for clause in clauses)


def test_all_solutions_are_found():
    clauses = [[1, -5, 4], [-1, 5, 3, 4], [-3, -4]]
    found = {tuple(solution) for solution in pycosat.itersolve(clauses)}
    signs = itertools.product((1, -1), repeat=5)
    every = (tuple(sign * (n + 1) for n, sign in enumerate(row)) for row in signs)
    assert found == {row for row in every if satisfies(row, clauses)}
    assert len(found) == 18


def pigeons(number, holes):
    """Return clauses that put each of `number` pigeons into a hole of its own."""
    place = [[pigeon * holes + hole + 1 for hole in range(holes)] for pigeon in range(number)]
    alone = [
        [-place[a][hole], -place[b][hole]] for hole in range(holes) for a, b in itertools.combinations(range(number), 2)
    ]
    return [*place, *alone]


def test_pigeons():
    assert pycosat.solve(pigeons(7, 6)) == "UNSAT"
    assert satisfies(pycosat.solve(pigeons(7, 7)), pigeons(7, 7))
    assert pycosat.solve(pigeons(9, 8), prop_limit=10) == "UNKNOWN"


def test_errors():
    with pytest.raises(ValueError):
        pycosat.solve([[1, 0]])
    with pytest.raises(TypeError):
        pycosat.solve([["1"]])
