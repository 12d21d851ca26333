import editdistance
import pytest
from editdistance import bycython


def test_compiled_core_is_in_use():
    assert bycython.__file__.endswith(".so")
    assert editdistance.eval is bycython.eval


def test_known_distances():
    assert editdistance.eval("banana", "bahama") == 2
    assert editdistance.eval("kitten", "sitting") == 3
    assert editdistance.eval("", "abc") == 3
    assert editdistance.eval([1, 2, (3, 4)], [1, (3, 4)]) == 1
    assert editdistance.distance("\u20ac\U0001f600", "\U0001f600") == 1


def test_longer_than_a_machine_word():
    first, second = "ab" * 400, "ba" * 400
    assert editdistance.eval(first, second) == 2
    assert editdistance.eval(first, "c" * 900) == 900


def test_criterion():
    assert editdistance.eval_criterion("banana", "bahama", 2)
    assert not editdistance.eval_criterion("banana", "bahama", 1)


def test_errors():
    with pytest.raises(TypeError):
        editdistance.eval(["a"], [[]])
