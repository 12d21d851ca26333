import numexpr
import numpy as np
import pytest
from numexpr import interpreter


def test_the_module_is_compiled():
    assert interpreter.__file__.endswith(".so")


def test_it_agrees_with_numpy():
    a, b = np.linspace(0.1, 3, 100_001), np.linspace(5, 1, 100_001)
    expected = np.where(a > b, np.sin(a) ** 2 + np.sqrt(b), a / b)
    np.testing.assert_allclose(numexpr.evaluate("where(a > b, sin(a)**2 + sqrt(b), a / b)"), expected, rtol=1e-14)


def test_reductions_and_types():
    values = {
        "numbers": np.arange(100_000, dtype=np.int64),
        "words": np.array([b"one", b"two"]),
        "turned": np.array([1j, 2.0]),
    }
    assert numexpr.evaluate("sum(numbers)", values) == 4_999_950_000
    assert numexpr.evaluate("numbers % 7", values).dtype == np.int64
    assert numexpr.evaluate("words == b'two'", values).tolist() == [False, True]
    assert numexpr.evaluate("turned * turned", values).tolist() == [-1, 4]


def test_more_threads_change_nothing():
    numbers = np.arange(200_000.0)
    numexpr.set_num_threads(4)
    np.testing.assert_array_equal(numexpr.evaluate("2 * numbers + 1"), 2 * numbers + 1)


def test_an_error():
    with pytest.raises(KeyError):
        numexpr.evaluate("1 + nothing_of_this_name")
