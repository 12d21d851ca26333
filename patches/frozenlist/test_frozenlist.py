import frozenlist
import pytest
from frozenlist import FrozenList, PyFrozenList, _frozenlist


def test_compiled_core_is_in_use():
    assert FrozenList is _frozenlist.FrozenList
    assert FrozenList is not PyFrozenList


@pytest.mark.parametrize("kind", [FrozenList, PyFrozenList])
def test_frozen(kind):
    values = kind([1, 2])
    values.extend([3])
    values.insert(0, 0)
    values.freeze()
    assert list(values) == [0, 1, 2, 3]
    assert hash(values) == hash((0, 1, 2, 3))
    with pytest.raises(RuntimeError, match="frozen"):
        values.append(4)


def test_version():
    assert frozenlist.__version__ == "1.8.0"
