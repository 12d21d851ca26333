import bottleneck
import numpy as np
import pytest
from bottleneck import move, nonreduce, nonreduce_axis, reduce

NAN = np.nan


def test_the_modules_are_compiled():
    assert all(module.__file__.endswith(".so") for module in (move, nonreduce, nonreduce_axis, reduce))
    assert bottleneck.nanmean is reduce.nanmean


def test_reductions():
    values = np.array([[1.0, NAN, 3], [4, 5, NAN]])
    assert bottleneck.nansum(values) == 13
    assert bottleneck.nanmean(values, axis=1).tolist() == [2, 4.5]
    assert bottleneck.nanargmax(values, axis=0).tolist() == [1, 1, 0]
    assert bottleneck.nanmedian(values) == 3.5
    assert bottleneck.nanvar(np.arange(5), ddof=1) == 2.5


def test_moving_windows():
    values = np.array([3.0, 1, NAN, 2, 8])
    assert bottleneck.move_sum(values, 2, min_count=1).tolist() == [3, 4, 1, 2, 10]
    assert bottleneck.move_median(np.array([5.0, 1, 3, 9, 2]), 3)[2:].tolist() == [3, 3, 3]


def test_ranks_and_parts():
    assert bottleneck.rankdata(np.array([10, 30, 10])).tolist() == [1.5, 3, 1.5]
    assert bottleneck.push(np.array([1, NAN, NAN, 4]), 1)[:2].tolist() == [1, 1]
    assert sorted(bottleneck.partition(np.array([4, 1, 3, 2]), 1)[:2].tolist()) == [1, 2]


def test_an_error():
    with pytest.raises(ValueError):
        bottleneck.move_mean(np.arange(3.0), window=4)
