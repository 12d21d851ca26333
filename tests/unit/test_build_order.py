from __future__ import annotations

import pytest

from pywasm_build.build_order import build_order


@pytest.mark.parametrize(
    ("needs", "groups"),
    [
        ({}, []),
        ({"app": ["lib"], "lib": ["base"], "base": []}, [["base"], ["lib"], ["app"]]),
        ({"a": [], "b": []}, [["a"], ["b"]]),
        ({"app": ["elsewhere"]}, [["app"]]),
        ({"self": ["self"]}, [["self"]]),
        ({"egg": ["hen"], "hen": ["egg", "corn"], "corn": []}, [["corn"], ["egg", "hen"]]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, [["d"], ["b"], ["c"], ["a"]]),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, [["a", "b", "c"], ["x"]]),
    ],
)
def test_what_is_needed_comes_first(needs: dict[str, list[str]], groups: list[list[str]]) -> None:
    assert build_order(needs) == groups


def test_a_long_chain_is_no_problem() -> None:
    needs = {str(number): [str(number + 1)] for number in range(5000)}
    assert build_order(needs)[0] == ["4999"]
