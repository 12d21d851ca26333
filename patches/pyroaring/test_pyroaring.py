import pyroaring
import pytest
from pyroaring import BitMap, BitMap64, FrozenBitMap


def test_the_module_is_compiled():
    assert pyroaring.__file__.endswith(".so")


def test_sets():
    evens, threes = BitMap(range(0, 200000, 2)), BitMap(range(0, 200000, 3))
    assert len(evens & threes) == 33334
    assert len(evens | threes) == 133333
    assert (evens ^ threes) == BitMap(set(evens) ^ set(threes))
    assert evens[777] == 1554
    assert threes.rank(300) == 101


def test_the_published_format():
    # Cookie, one container, its key and cardinality less one, its offset, its values: two bytes each.
    assert BitMap([1, 2, 5]).serialize().hex() == "3a300000010000000000020010000000010002000500"
    assert BitMap.deserialize(FrozenBitMap([7, 10**9]).serialize()) == BitMap([7, 10**9])


def test_wide_numbers():
    wide = BitMap64([1, 2**63, 2**40])
    assert list(wide) == [1, 2**40, 2**63]
    assert BitMap64.deserialize(wide.serialize()) == wide


def test_errors():
    with pytest.raises(OverflowError):
        BitMap([-1])
    with pytest.raises(IndexError):
        BitMap([1])[1]
