import pickle

import numpy as np
import pytest


def test_arrays_compute():
    a = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(a @ a.T, [[14.0, 38.0, 62.0], [38.0, 126.0, 214.0], [62.0, 214.0, 366.0]])
    assert a.sum(axis=0).tolist() == [12.0, 15.0, 18.0, 21.0]


def test_linear_algebra():
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    assert np.allclose(np.linalg.solve(a, [1.0, 2.0]), [1 / 11, 7 / 11])
    values, vectors = np.linalg.eigh(a)
    assert np.allclose(vectors @ np.diag(values) @ vectors.T, a)


def test_singular_matrix_raises():
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.inv(np.zeros((2, 2)))


def test_fft_and_random_are_the_native_ones():
    assert np.allclose(np.fft.ifft(np.fft.fft([1.0, 2.0, 3.0])), [1.0, 2.0, 3.0])
    # What default_rng(7) gives everywhere.
    assert np.random.default_rng(7).integers(0, 1000, 5).tolist() == [944, 625, 684, 897, 578]


def test_pickle_keeps_an_array():
    a = np.arange(5, dtype="<i8")
    assert np.array_equal(pickle.loads(pickle.dumps(a)), a)
