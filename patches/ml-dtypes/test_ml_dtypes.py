import ml_dtypes
import numpy as np
import pytest
from ml_dtypes import _ml_dtypes_ext


def test_the_module_is_compiled():
    assert _ml_dtypes_ext.__file__.endswith(".so")


def test_bfloat16_rounds_to_nearest_even():
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 3.14159265], dtype=np.float32).astype(ml_dtypes.bfloat16)
    assert values.view(np.uint16).tolist() == [0x3F80, 0x3F80, 0x3F82, 0x4049]


def test_the_limits_of_eight_bits():
    assert float(ml_dtypes.finfo(ml_dtypes.float8_e4m3fn).max) == 448
    assert float(ml_dtypes.finfo(ml_dtypes.float8_e5m2).max) == 57344
    assert np.isnan(ml_dtypes.float8_e4m3fn(1000))


def test_arithmetic():
    values = np.array([1.5, 2.5, -4], dtype=ml_dtypes.bfloat16)
    assert (values * values).tolist() == [2.25, 6.25, 16]
    assert values.sum() == 0
    assert np.sort(values).tolist() == [-4, 1.5, 2.5]


def test_int4():
    values = np.array([7, -8], dtype=ml_dtypes.int4)
    assert (values + np.array([-1, 1], dtype=ml_dtypes.int4)).tolist() == [6, -7]


def test_an_error():
    with pytest.raises((TypeError, ValueError)):
        ml_dtypes.bfloat16("no number")
